"""Connections and processes: NATS, the store, telemetry. Only this package imports the clients."""
