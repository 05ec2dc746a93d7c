"""Health of a tier in one sentence: its most severe problem, or that it is healthy."""

from __future__ import annotations

from collections import Counter

import msgspec

from pointsman_gateway.console.system import tier_view
from pointsman_gateway.console.system_monitor import SystemSnapshot

MAX_PENDING = 1000
"""Number of outcomes that wait to be applied from which on learning is falling behind."""
REASONS = {
    "nats": "NATS unreachable",
    "breaker": "circuit breaker open after timeouts",
    "no_replica": "no decision replica",
    "timeout": "decision timeout",
    "replica_error": "error in a decision replica",
    "refused": "request rejected by a decision replica",
    "features": "feature extraction failed",
}
"""Description of each reason for a degraded response."""


class TierHealthView(msgspec.Struct, frozen=True, kw_only=True):
    """Health of a tier.

    Attributes
    ----------
    ok : bool
    sentence : str
        The most severe problem, or a summary if there is none.
    """

    ok: bool
    sentence: str


def tier_health(system: SystemSnapshot, tier: str, stale_after_ms: int) -> TierHealthView:
    """Return the health of a tier, whose learned state is stale from an age of ``stale_after_ms``."""
    view = tier_view(system, tier)
    ages_ms = [replica.state_age_ms for replica in view.state_age_ms]
    oldest_ms = max((age_ms for age_ms in ages_ms if age_ms is not None), default=None)
    oldest_s = (oldest_ms or 0) / 1000.0
    pending = view.lag or 0
    degraded = _degraded(system, tier)
    problems = (  # the most severe first
        (
            not system.connected,
            "NATS is unreachable: requests get the fallback arm, and outcomes are rejected until NATS is back.",
        ),
        (
            not system.statuses("decision"),
            "No decision replica responds: requests get the fallback arm, and nothing is learned from them.",
        ),
        (
            bool(system.store_error),
            "The store is unreachable: replicas decide from memory, and learning is paused until it is back.",
        ),
        (
            view.halted,
            "Learning is halted because the outcome log and the store disagree: restore the correct one, or accept the "
            "log with `pointsman rebuild`.",
        ),
        (bool(degraded), degraded),
        (
            not system.statuses("reward-updater"),
            "No reward-updater responds: outcomes are kept, and are applied when one is back.",
        ),
        (oldest_ms is None, "The age of the learned state is unknown: decisions are made and marked as stale."),
        (
            oldest_ms is not None and oldest_ms > stale_after_ms,
            f"Decisions use state that is {oldest_s:.0f} s old: learning is falling behind.",
        ),
        (pending >= MAX_PENDING, f"{pending:,} outcomes wait to be applied: learning is falling behind."),
        (
            not system.statuses("shadow-evaluator"),
            "No shadow-evaluator responds: decisions and learning continue, but these figures are not updated.",
        ),
    )
    for present, sentence in problems:
        if present:
            return TierHealthView(ok=False, sentence=sentence)
    dead = sum(system.dead_letters.values())
    parts = [
        _count(len(ages_ms), "decision replica"),
        f"state at most {oldest_s:.1f} s old",
        f"{_count(pending, 'outcome')} pending" if pending else "all outcomes applied",
        *([_count(dead, "dead letter")] if dead else []),
    ]
    return TierHealthView(ok=True, sentence=f"Healthy: {', '.join(parts)}.")


def _degraded(system: SystemSnapshot, tier: str) -> str:
    """Return how many responses were degraded in the last minute, and the most frequent reason; empty without any."""
    reasons: Counter[str] = Counter()
    for status in system.statuses("gateway"):
        for degraded in status.degraded or ():
            reasons[degraded.reason] += round(degraded.count) if degraded.tier == tier else 0
    if not reasons.total():
        return ""
    reason, count = reasons.most_common(1)[0]
    cause = ("mostly: " if count < reasons.total() else "") + REASONS.get(reason, reason)
    verb = "was" if reasons.total() == 1 else "were"
    return f"{_count(reasons.total(), 'response')} in the last minute {verb} degraded ({cause})."


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
