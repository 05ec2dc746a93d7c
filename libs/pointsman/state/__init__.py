"""Redis: keys, scripts, and the stores built on them."""

from pointsman.state.errors import StateError, StoreCorrupt, StoreUnavailable
from pointsman.state.hour_sums import HOUR_MS, HourSums
from pointsman.state.lease import Lease
from pointsman.state.response_store import SEVERAL, Response, ResponseStore
from pointsman.state.session_store import Session, SessionStore
from pointsman.state.settled_store import Settled, SettledStore
from pointsman.state.shadow_progress import Run, ShadowProgress
from pointsman.state.shadow_store import ShadowCommit, ShadowCommitted, ShadowStore
from pointsman.state.store import Store
from pointsman.state.tier_store import AppliedOutcome, Commit, Committed, TierChanges, TierStore

__all__ = [
    "HOUR_MS",
    "SEVERAL",
    "AppliedOutcome",
    "Commit",
    "Committed",
    "HourSums",
    "Lease",
    "Response",
    "ResponseStore",
    "Run",
    "Session",
    "SessionStore",
    "Settled",
    "SettledStore",
    "ShadowCommit",
    "ShadowCommitted",
    "ShadowProgress",
    "ShadowStore",
    "StateError",
    "Store",
    "StoreCorrupt",
    "StoreUnavailable",
    "TierChanges",
    "TierStore",
]
