"""The evidence for a switch of policies: a row of the report, and the part of it that is recorded."""

import time
from typing import Any

import msgspec

from pointsman.contracts.config import Config
from pointsman.contracts.messages.policies import PolicySpec, TierPolicies
from pointsman.runtime.store.store import Store
from pointsman.shadow.periods import DAY_MS
from pointsman.shadow.report.builder import build_report
from pointsman.shadow.report.messages import PolicyReport

_NOT_RECORDED = ("pairs", "drift", "rewarded_bias")
"""Fields that make a row long: they have an entry per pair of arms, per day and per arm."""


async def read_evidence(
    store: Store, config: Config, tier: str, policies: TierPolicies, shadow: PolicySpec
) -> PolicyReport | None:
    """Return the report on a shadow since the active policy began to serve; None if the shadow does not run.

    So every look is at the growing data of one comparison, as the always-valid intervals require. The period is
    limited by how long sums are kept.

    Raises
    ------
    StateError
        The store cannot be read.
    """
    if all(spec.identity != shadow.identity for spec in policies.shadows):
        return None
    now_ms = int(time.time() * 1000)
    from_ms = max(policies.active_since_ms, now_ms - config.shadow_evaluator.keep_days * DAY_MS)
    report = await build_report(store, {tier: policies}, config, (from_ms, now_ms + 1), shadow.name)
    return next((row for row in report.policies if row.tier == tier), None)


def evidence_record(row: PolicyReport) -> dict[str, Any]:
    """Return the part of a row that is recorded with a switch."""
    fields: dict[str, Any] = msgspec.to_builtins(row)
    return {name: value for name, value in fields.items() if name not in _NOT_RECORDED}
