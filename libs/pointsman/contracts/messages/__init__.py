"""The contracts: every message, id and subject name that the services exchange."""
