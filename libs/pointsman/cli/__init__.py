"""The ``pointsman`` command."""
