"""Pointsman's libraries: pure algorithms, the messages, and the access to NATS and Redis that the services share."""

__version__ = "0.1.0"
