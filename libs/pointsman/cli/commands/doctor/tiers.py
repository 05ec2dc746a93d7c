"""Checks of the tiers: leases, progress of learning, unfinished rebuilds."""

import asyncio

from pointsman.cli.commands.doctor.finding import Finding
from pointsman.cli.commands.doctor.inspection import Inspection
from pointsman.cli.commands.doctor.processes import read_statuses
from pointsman.contracts.messages import subjects
from pointsman.learning.reset import RESETTING, stored_tiers
from pointsman.learning.tier_store import TierStore
from pointsman.runtime.bus import Bus
from pointsman.runtime.store import keys
from pointsman.runtime.store.errors import store_errors
from pointsman.runtime.store.store import Store

ROLES = ("reward-updater", "settler", "shadow-evaluator")
"""Roles that work on a tier under a lease."""
MAX_LAG = 1000
SHOWN = 5


async def check_leases(inspection: Inspection) -> list[Finding]:
    """Check that a process holds the lease of each tier and role."""
    if inspection.bus is None:
        return []
    statuses = await read_statuses(inspection.bus)
    tiers = sorted({tier.tier for status in statuses for tier in status.tiers if status.service == "reward-updater"})
    wanted = [(tier, role) for tier in tiers for role in ROLES]
    with store_errors():
        holders = await asyncio.gather(*(inspection.store.redis.get(keys.lease(role, tier)) for tier, role in wanted))
    free = [f"{tier} ({role})" for (tier, role), holder in zip(wanted, holders, strict=True) if holder is None]
    if free:
        remedy = "a process takes over within seconds; otherwise see the log of the service"
        return [Finding("leases", False, f"no process works on {_listed(free)}", remedy, serious=False)]
    return [Finding("leases", True, f"{len(wanted)} held, for {len(tiers)} tier{'' if len(tiers) == 1 else 's'}")]


async def check_progress(inspection: Inspection) -> list[Finding]:
    """Check that no tier is being rebuilt, and that learning is at the end of the log."""
    tiers = sorted(await stored_tiers(inspection.store))
    lags = await asyncio.gather(*(_lag(inspection.store, inspection.bus, tier) for tier in tiers))
    resetting = [tier for tier, lag in zip(tiers, lags, strict=True) if lag is None]
    behind = [
        f"{tier} ({lag:,} or fewer)"
        for tier, lag in zip(tiers, lags, strict=True)
        if lag is not None and lag >= MAX_LAG
    ]
    found = []
    if resetting:
        remedy = "if no `pointsman rebuild` runs, it was interrupted: run it again for these tiers"
        found.append(Finding("rebuild", False, f"not finished for {_listed(resetting)}: nothing is learned", remedy))
    if behind:
        detail = f"outcomes wait to be applied in {_listed(behind)}"
        found.append(Finding("learning", False, detail, "see the reward-updater and the store", serious=False))
    if not found:
        found.append(
            Finding("learning", True, f"{len(tiers)} tier{'' if len(tiers) == 1 else 's'} in the store, none behind")
        )
    return found


async def _lag(store: Store, bus: Bus | None, tier: str) -> int | None:
    """Return a bound on the outcomes that wait to be applied; None while the tier is being deleted.

    It is the difference of two sequences of the log, which holds the outcomes of all tiers.
    """
    with store_errors():
        epoch = await store.redis.hget(keys.tier(tier), "epoch")
    if epoch in (RESETTING, RESETTING.encode()):
        return None
    if bus is None:
        return 0
    end, watermark = await asyncio.gather(
        bus.last_sequence(subjects.OUTCOMES, subjects.outcomes(tier)), TierStore(store, tier).watermark()
    )
    return max(0, end - (watermark or 0)) if watermark else 0


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
