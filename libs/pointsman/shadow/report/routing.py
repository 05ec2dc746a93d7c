"""Whether routing pays in a tier, in one sentence: what was measured, and what the policy's estimates expect."""

from pointsman.shadow.report.intervals import POINTS
from pointsman.shadow.report.messages import Regret
from pointsman.shadow.report.number_format import bounds, percent, plain, points, span
from pointsman.shadow.report.verdict import EQUAL, MIN_REWARDED
from pointsman.shadow.sums import hour_sums as fields
from pointsman.shadow.sums.hour_sums import HourSums

MIN_SHARE = 0.9
"""Share of the requests for which one arm has the highest estimate, from which on there may be nothing to learn."""


def routing_finding(best: Regret | None, uniform: HourSums) -> str:
    """Return the sentence; empty while there are too few outcomes.

    Parameters
    ----------
    best : Regret, optional
        The active policy against the best fixed arm.
    uniform : HourSums
        Sums of choosing uniformly, which have those of the estimates.
    """
    return " ".join(part for part in (nothing_to_learn(best, uniform), _measured(best)) if part)


def _measured(best: Regret | None) -> str:
    ends = None if best is None else bounds(best.delta)
    if best is None or best.delta.estimate is None or ends is None:
        return ""
    low, high = ends
    amount = f"{plain(abs(best.delta.estimate))} points of reward per request"
    if high < 0.0:
        return f"Routing pays: always {best.best} would earn {amount} less ({span(-high, -low)})."
    if low > 0.0:
        return f"Routing costs more than it earns: always {best.best} would earn {amount} more ({span(low, high)})."
    if low > -EQUAL and high < EQUAL:
        return f"Routing earns as much as always {best.best}, to within {EQUAL:g} points of reward per request."
    return (
        f"It is not certain yet whether routing pays: always {best.best}, the best single arm, would change the reward "
        f"by {points(best.delta)} points per request."
    )


def nothing_to_learn(best: Regret | None, uniform: HourSums) -> str:
    """Return that the estimates expect next to nothing from a choice by request, in a sentence; empty if they do not.

    Also empty if the active policy certainly earns more than the best fixed arm.

    The mean of the highest estimates is biased upwards, as is that of little known arms, so the gain of choosing by
    request is overestimated: a small one means that the policy has found nothing in the contexts so far.
    """
    measured = None if best is None else bounds(best.delta)
    if measured is not None and measured[1] < 0.0:
        return ""
    first, missed = uniform.by_arm(fields.FIRST), uniform.by_arm(fields.MISSED)
    decisions = sum(first.values())
    if decisions < MIN_REWARDED or len(uniform.by_arm(fields.ACTIVE)) < 2:
        return ""
    arm = max(first, key=lambda name: first[name])
    gain, share = POINTS * missed.get(arm, 0.0) / decisions, first[arm] / decisions
    if gain >= EQUAL or share < MIN_SHARE:
        return ""
    return (
        f"Nothing to learn from the requests so far: the policy's estimates have {arm} as the best arm for "
        f"{percent(share, 0)} of them, and expect {plain(gain)} points of reward per request from choosing for each."
    )
