"""How a tier is, in one sentence: the one thing that a person should know first. Pure."""

from __future__ import annotations

from collections import Counter

from pointsman_gateway.console.snapshot import Snapshot
from pointsman_gateway.console.system import tier_view
from pointsman_gateway.console.views import HealthLine

MANY = 1000
"""From so many outcomes on that wait to be learned from, it is said."""
REASONS = {
    "nats": "NATS was not reached",
    "breaker": "replicas did not answer before",
    "no_replica": "no replica was there",
    "timeout": "no replica answered in time",
    "replica_error": "a replica failed",
    "refused": "a replica refused the request",
    "features": "the request's features failed",
}
"""Why no policy chose, in words."""


def health_line(now: Snapshot, tier: str, stale_after_ms: int) -> HealthLine:
    """Return what matters most about a tier.

    Parameters
    ----------
    now : Snapshot
    tier : str
    stale_after_ms : int
        From which age on the state behind decisions is stale.
    """
    problem = _problem(now, tier, stale_after_ms)
    return HealthLine(ok=False, sentence=problem) if problem else HealthLine(ok=True, sentence=_well(now, tier))


def _problem(now: Snapshot, tier: str, stale_after_ms: int) -> str:
    """Return what is wrong, the worst first; empty when nothing is."""
    view = tier_view(now, tier)
    oldest = max((age.state_age_ms for age in view.state_age_ms if age.state_age_ms is not None), default=None)
    waiting = view.lag or 0
    degraded = _degraded(now, tier)
    found = (
        (
            not now.connected,
            "NATS cannot be reached: requests get the fallback arm, and outcomes are refused until it is back.",
        ),
        (
            not now.of("decision"),
            "No decision replica answers: requests get the fallback arm, and nothing can be learned of them.",
        ),
        (
            bool(now.store),
            "The store cannot be reached: replicas decide from memory, and nothing is learned until it is back.",
        ),
        (
            view.halted,
            "Learning has halted, because the log and the store disagree: put the right one back, or accept the log "
            "with `pointsman rebuild`.",
        ),
        (bool(degraded), degraded),
        (
            not now.of("reward-updater"),
            "No reward-updater answers: outcomes are kept, and learned from when one is back.",
        ),
        (
            oldest is None,
            "No reward-updater has said yet how far learning is: decisions are made, and marked stale.",
        ),
        (
            (oldest or 0) > stale_after_ms,
            f"Decisions are made on state that is {(oldest or 0) / 1000.0:.0f} s old: learning does not keep up.",
        ),
        (waiting >= MANY, f"{waiting:,} outcomes wait to be learned from: learning does not keep up."),
        (
            not now.of("shadow-evaluator"),
            "No shadow-evaluator answers: decisions and learning go on, and the figures here stand still.",
        ),
    )
    return next((sentence for holds, sentence in found if holds), "")


def _degraded(now: Snapshot, tier: str) -> str:
    """Return how many answers no policy chose lately, and why most of them; empty when there were none."""
    reasons: Counter[str] = Counter()
    for status in now.of("gateway"):
        for one in status.degraded or ():
            reasons[one.reason] += round(one.count) if one.tier == tier else 0
    count = reasons.total()
    if not count:
        return ""
    most = reasons.most_common(1)[0][0]
    why = f"{'mostly: ' if reasons[most] < count else ''}{REASONS.get(most, most)}"
    noun, verb = ("answer", "was") if count == 1 else ("answers", "were")
    return f"{count:,} {noun} in the last minute {verb} degraded ({why})."


def _well(now: Snapshot, tier: str) -> str:
    view = tier_view(now, tier)
    number = len(view.state_age_ms)
    oldest = max((age.state_age_ms or 0 for age in view.state_age_ms), default=0) / 1000.0
    who = "1 replica decides" if number == 1 else f"{number} replicas decide"
    waiting = "every outcome is learned from"
    if view.lag:
        waiting = f"{view.lag:,} {'outcome is' if view.lag == 1 else 'outcomes are'} being learned from"
    dead = sum(now.dead.values())
    unread = f"; {dead:,} message{'' if dead == 1 else 's'} could not be read" if dead else ""
    return f"All is well: {who} on state {oldest:.1f} s old, and {waiting}{unread}."
