"""What the services agree on: messages, settings and permissions."""
