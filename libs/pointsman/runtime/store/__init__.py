"""The store (Redis or Valkey): connection, scripts, keys, leases. The only package that imports the Redis client."""

from pointsman.runtime.store.errors import StateError, StoreCorrupt, StoreUnavailable, store_errors
from pointsman.runtime.store.lease import Lease, unique_holder
from pointsman.runtime.store.script import Script, lua_string
from pointsman.runtime.store.store import Store

__all__ = [
    "Lease",
    "Script",
    "StateError",
    "Store",
    "StoreCorrupt",
    "StoreUnavailable",
    "lua_string",
    "store_errors",
    "unique_holder",
]
