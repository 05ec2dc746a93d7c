"""Health of a tier in one sentence: its most severe problem, or that it is healthy."""

from collections import Counter
from collections.abc import Iterator

import msgspec

from pointsman_gateway.console.system import TierProgressView, tier_view
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
    sentence: The most severe problem, or a summary if there is none.
    """

    ok: bool
    sentence: str


def tier_health(system: SystemSnapshot, tier: str, stale_after_ms: int) -> TierHealthView:
    """Return the health of a tier, whose learned state is stale from an age of ``stale_after_ms``."""
    view = tier_view(system, tier)
    problem = next(_problems(system, view, stale_after_ms), None)
    if problem is not None:
        return TierHealthView(ok=False, sentence=problem)
    dead = sum(system.dead_letters.values())
    parts = [
        _count(len(view.state_age_ms), "decision replica"),
        f"state at most {(_oldest_ms(view) or 0) / 1000.0:.1f} s old",
        f"{_count(view.lag, 'outcome')} pending" if view.lag else "all outcomes applied",
        *([_count(dead, "dead letter")] if dead else []),
    ]
    return TierHealthView(ok=True, sentence=f"Healthy: {', '.join(parts)}.")


def _problems(system: SystemSnapshot, tier: TierProgressView, stale_after_ms: int) -> Iterator[str]:
    """Yield the problems of a tier, the most severe first."""
    if not system.connected:
        yield "NATS is unreachable: requests get the fallback arm, and outcomes are rejected until NATS is back."
    if not system.statuses("decision"):
        yield "No decision replica responds: requests get the fallback arm, and nothing is learned from them."
    if system.store_error:
        yield "The store is unreachable: replicas decide from memory, and learning is paused until it is back."
    if tier.halted:
        yield (
            "Learning is halted because the outcome log and the store disagree: restore the correct one, or accept the "
            "log with `pointsman rebuild`."
        )
    if degraded := _degraded(system, tier.tier):
        yield degraded
    if not system.statuses("reward-updater"):
        yield "No reward-updater responds: outcomes are kept, and are applied when one is back."
    oldest_ms = _oldest_ms(tier)
    if oldest_ms is None:
        yield "The age of the learned state is unknown: decisions are made and marked as stale."
    elif oldest_ms > stale_after_ms:
        yield f"Decisions use state that is {oldest_ms / 1000.0:.0f} s old: learning is falling behind."
    if tier.lag is not None and tier.lag >= MAX_PENDING:
        yield f"{tier.lag:,} outcomes wait to be applied: learning is falling behind."
    if not system.statuses("shadow-evaluator"):
        yield "No shadow-evaluator responds: decisions and learning continue, but these figures are not updated."


def _oldest_ms(tier: TierProgressView) -> int | None:
    return max((age.state_age_ms for age in tier.state_age_ms if age.state_age_ms is not None), default=None)


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
