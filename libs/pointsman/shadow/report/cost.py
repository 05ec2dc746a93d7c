"""The cost difference per decision: from reported costs or, without them, from the mean cost of each arm."""

from collections.abc import Mapping
from typing import NamedTuple

from pointsman.shadow.report.intervals import METHOD, difference
from pointsman.shadow.report.messages import ReportedEstimate
from pointsman.shadow.sums import hour_sums as fields
from pointsman.shadow.sums.hour_sums import HourSums

ARM_MEANS = "arm-means"
MAX_SILENT_SHARE = 0.05


class CostDelta(NamedTuple):
    """The fields of `PolicyReport` on the cost difference; `cost_delta` is empty with `ARM_MEANS`."""

    cost_delta_usd: float | None
    cost_delta_method: str
    cost_unknown: list[str]
    cost_delta: ReportedEstimate


def arms_without_cost(total: HourSums) -> set[str]:
    """Return the arms that served decisions with an outcome, none of which reports a cost.

    The difference is then unknown unless the cost of such an arm is known from elsewhere: the decisions with a cost
    are all of other arms, and their mean is not the mean over all requests.
    """
    priced = total.by_arm(fields.PRICED)
    return {arm for arm, number in total.by_arm(fields.JOINED).items() if number > 0.0 and not priced.get(arm)}


def silent_arms(total: HourSums) -> set[str]:
    """Return the arms whose outcomes reported no cost while more than `MAX_SILENT_SHARE` of the costs were reported.

    An arm that fails reports none. The costs of the others are no sample of all requests then, and without a prediction
    of the arm's own cost a shadow that chooses it would seem to save them.
    """
    limit = MAX_SILENT_SHARE * sum(total.by_arm(fields.PRICED).values())
    return {arm for arm, number in total.by_arm(fields.SILENT).items() if number > limit}


def cost_delta(total: HourSums, arm_costs: Mapping[str, float], confidence: float) -> CostDelta:
    """Return the cost difference; ``arm_costs`` has the mean cost of each arm, or its configured price."""
    estimate = difference(total, "cost", confidence)
    if estimate.estimate is not None:
        if unknown := (arms_without_cost(total) - arm_costs.keys()) | silent_arms(total):
            return CostDelta(None, ARM_MEANS, sorted(unknown), ReportedEstimate(confidence=confidence))
        return CostDelta(estimate.estimate, METHOD, [], estimate)
    moved: dict[str, float] = {}
    for kind, sign in ((fields.ACTIVE, -1.0), (fields.SHADOW, 1.0)):
        for arm, mass in total.by_arm(kind).items():
            if mass > 0.0:
                moved[arm] = moved.get(arm, 0.0) + sign * mass
    missing = sorted(moved.keys() - arm_costs.keys())
    usd = None
    if total.decisions and not missing:
        usd = sum(mass * arm_costs[arm] for arm, mass in moved.items()) / total.decisions
    return CostDelta(usd, ARM_MEANS, missing, estimate)
