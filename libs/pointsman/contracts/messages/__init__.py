"""Messages, decision ids and subject names that the services exchange."""
