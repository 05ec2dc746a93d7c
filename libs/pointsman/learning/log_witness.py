"""The store as a witness of the logs: what was learned shows that the logs existed that it was learned from."""

from collections.abc import Iterable

from pointsman.contracts.messages import subjects
from pointsman.runtime.store import keys
from pointsman.runtime.store.errors import store_errors
from pointsman.runtime.store.store import Store


async def remembered_logs(store: Store, tiers: Iterable[str]) -> dict[str, str]:
    """Return the logs from which the store has learned, and how that is known.

    Raise `StateError` when the store cannot be read: a new installation is then not distinguishable from a lost log.
    """
    found: dict[str, str] = {}
    for tier in tiers:
        with store_errors():
            epoch, watermark, decision_high = await store.redis.hmget(
                keys.tier(tier), ["epoch", "watermark", "decision_high"]
            )
        if epoch:
            at = int(watermark or 0)
            found.setdefault(subjects.OUTCOMES, f"tier {tier} has learned from it up to {at}")
        if int(decision_high or 0):
            found.setdefault(subjects.DECISIONS, f"tier {tier} has learned from its decision {int(decision_high or 0)}")
    return found
