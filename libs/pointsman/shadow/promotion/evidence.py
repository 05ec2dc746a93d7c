"""The row of the report that a switch of policies rests on, as it goes on the record."""

from __future__ import annotations

import time
from typing import Any

import msgspec

from pointsman.contracts.config import Config
from pointsman.contracts.messages.policies import PolicySpec, TierPolicies
from pointsman.runtime.store.store import Store
from pointsman.shadow.report.builder import build_report
from pointsman.shadow.report.messages import PolicyReport
from pointsman.shadow.sums.hour_sums import HOUR_MS

DAY_MS = 24 * HOUR_MS
_NOT_KEPT = ("pairs", "drift", "rewarded_bias")
"""What makes a row long: as many entries as there are pairs of arms, days and arms."""


async def read_evidence(
    store: Store, config: Config, tier: str, policies: TierPolicies, shadow: PolicySpec
) -> PolicyReport | None:
    """Return the report's row about a shadow, over the time since the active policy began to serve.

    So every look is at one growing amount of data of one comparison, as the always-valid intervals need it. It goes
    back only as far as sums are kept. None when the shadow does not run there.

    Raises
    ------
    StateError
        When the store cannot be read.
    """
    if all(spec.identity != shadow.identity for spec in policies.shadows):
        return None
    now_ms = int(time.time() * 1000)
    from_ms = max(policies.active_since_ms, now_ms - config.shadow_evaluator.keep_days * DAY_MS)
    report = await build_report(store, {tier: policies}, config, (from_ms, now_ms + 1), shadow.name)
    return next((row for row in report.policies if row.tier == tier), None)


def evidence_record(row: PolicyReport) -> dict[str, Any]:
    """Return the part of a row that goes on the record."""
    whole: dict[str, Any] = msgspec.to_builtins(row)
    return {name: value for name, value in whole.items() if name not in _NOT_KEPT}
