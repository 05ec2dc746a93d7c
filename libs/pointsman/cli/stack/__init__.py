"""The embedded stack: starts and supervises NATS, the store and the services on one machine."""
