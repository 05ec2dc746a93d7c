"""Access control: API keys of the gateway, and permissions of the services in NATS and in the store."""
