"""What can go wrong with the store.

::

    StateError (Exception)
    ├── StoreUnavailable     cannot be reached, or did not answer in time: try again later
    └── StoreCorrupt         what is in the store is not what this code writes
"""

from __future__ import annotations


class StateError(Exception):
    """Base of every error raised by :mod:`pointsman.runtime.store`."""


class StoreUnavailable(StateError):
    """The store cannot be reached, did not answer in time, or refuses to write."""


class StoreCorrupt(StateError):
    """What is in the store is not what this code writes."""
