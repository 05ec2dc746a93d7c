"""Redis: keys, scripts, and the stores built on them."""

from pointsman.state.errors import StateError, StoreCorrupt, StoreUnavailable
from pointsman.state.lease import Lease
from pointsman.state.shadow_store import HOUR_MS, ShadowCommitted, ShadowStore
from pointsman.state.store import Store
from pointsman.state.tier_store import AppliedOutcome, Commit, Committed, TierChanges, TierStore

__all__ = [
    "HOUR_MS",
    "AppliedOutcome",
    "Commit",
    "Committed",
    "Lease",
    "ShadowCommitted",
    "ShadowStore",
    "StateError",
    "Store",
    "StoreCorrupt",
    "StoreUnavailable",
    "TierChanges",
    "TierStore",
]
