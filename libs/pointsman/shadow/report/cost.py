"""What a decision costs more with the shadow: from the costs that outcomes told, or else from each arm's mean cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pointsman.shadow.report.intervals import METHOD, difference
from pointsman.shadow.report.messages import ReportedEstimate
from pointsman.shadow.report.totals import Totals

ARM_MEANS = "arm-means"


class CostDelta(NamedTuple):
    """The plain number, how it was made, and the estimate with its intervals.

    Attributes
    ----------
    usd : float or None
        A decision.
    method : str
    unknown : list of str
        Arms that either policy uses and whose cost nobody has told; with ``arm-means`` only.
    estimate : ReportedEstimate
        Empty with ``arm-means``, which has no interval.
    """

    usd: float | None
    method: str
    unknown: list[str]
    estimate: ReportedEstimate


def silent_arms(total: Totals) -> set[str]:
    """Return the arms that served decisions with an outcome of which none told a cost.

    Unless something else says what such an arm costs, the difference is unknown: the decisions that told a cost are all
    of other arms, and a mean over them is not one over all requests.
    """
    priced = total.by_arm("priced")
    return {arm for arm, number in total.by_arm("joined").items() if number > 0.0 and not priced.get(arm)}


def cost_delta(total: Totals, arm_costs: Mapping[str, float], confidence: float) -> CostDelta:
    """Return the cost difference.

    Parameters
    ----------
    total : Totals
    arm_costs : mapping of arm to float
        Mean cost of each arm, or its configured price.
    """
    estimate = difference(total, "cost", confidence)
    if estimate.estimate is not None and (silent := silent_arms(total) - arm_costs.keys()):
        return CostDelta(None, ARM_MEANS, sorted(silent), ReportedEstimate(confidence=confidence))
    if estimate.estimate is not None:
        return CostDelta(estimate.estimate, METHOD, [], estimate)
    moved: dict[str, float] = {}
    for name, sign in (("active", -1.0), ("shadow", 1.0)):
        for arm, mass in total.by_arm(name).items():
            if mass > 0.0:
                moved[arm] = moved.get(arm, 0.0) + sign * mass
    unknown = sorted(moved.keys() - arm_costs.keys())
    usd = None
    if total.decisions and not unknown:
        usd = sum(mass * arm_costs[arm] for arm, mass in moved.items()) / total.decisions
    return CostDelta(usd, ARM_MEANS, unknown, estimate)
