"""The report about one shadow policy, from its hours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from pointsman.contracts.messages.policies import PolicySpec
from pointsman.core.off_policy import ESTIMATORS, decisions_needed, effective_sample_size
from pointsman.shadow.report.bias import rewarded_bias
from pointsman.shadow.report.cost import cost_delta
from pointsman.shadow.report.drift import drift
from pointsman.shadow.report.intervals import POINTS, difference, divided, estimated, value
from pointsman.shadow.report.messages import Clipped, Disagreements, Pair, PolicyReport, ReportedEstimates
from pointsman.shadow.report.totals import Totals
from pointsman.shadow.report.verdict import EQUAL, judge
from pointsman.shadow.sums import hour_sums as fields
from pointsman.shadow.sums.hour_sums import HourSums

ROUNDS = 8
"""More than it takes for the number of decisions needed to settle."""


def policy_report(
    tier: str,
    spec: PolicySpec,
    active: str,
    hours: Sequence[tuple[int, HourSums]],
    arm_costs: Mapping[str, float],
    confidence: float,
    own_rule: str = "",
) -> PolicyReport:
    """Return everything about one shadow policy.

    Parameters
    ----------
    active : str
        Name of the policy that it is compared with.
    hours : sequence of (hour, HourSums)
        In order of time.
    arm_costs : mapping of arm to float
        Mean cost of each arm, for as long as no joined outcome has told a cost.
    own_rule : str
        How its rule differs from the active policy's, if it does (`pointsman.shadow.own_learning.own_rule`).
    """
    total = Totals.of(sums for _, sums in hours)
    reward = total.statistics.reward
    reward_delta = difference(total, "reward", confidence)
    quality_delta = difference(total, "quality", confidence)
    cost = cost_delta(total, arm_costs, confidence)
    expected_agreement = total.mean(fields.AGREEMENT)
    disagree = None if expected_agreement is None else max(1.0 - expected_agreement, 0.0)
    pairs = [Pair(active=served, shadow=drawn, count=count) for (served, drawn), count in total.pairs().items()]
    report = PolicyReport(
        policy=spec.name,
        tier=tier,
        algorithm=spec.algorithm,
        active=active,
        decisions=total.decisions,
        errors=round(total.counts[fields.ERRORS]),
        sample=1.0 if spec.sample is None else spec.sample,
        rewarded=total.rewarded,
        rewarded_share=total.rewarded / total.decisions if total.decisions else None,
        rewarded_bias=rewarded_bias(total, reward_delta.estimate),
        agreement=total.mean(fields.AGREED),
        expected_agreement=expected_agreement,
        cost_delta_usd=cost.usd,
        cost_delta_method=cost.method,
        cost_unknown=cost.unknown,
        cost_delta=cost.estimate,
        active_cost_usd=total.statistics.cost.mean("y") if total.statistics.cost.count else None,
        reward_delta=reward_delta,
        quality_delta=quality_delta,
        disagreements=Disagreements(
            count=total.decisions - round(total.counts[fields.AGREED]),
            expected_share=disagree,
            reward_delta=divided(reward_delta, disagree),
            quality_delta=divided(quality_delta, disagree),
        ),
        pairs=sorted(pairs, key=lambda pair: (-pair.count, pair.active, pair.shadow)),
        drift=drift(hours, confidence),
        estimates=_estimates(total, confidence),
        effective_sample_size=effective_sample_size(reward),
        clipped=_clipped(total),
        unsupported=total.mean(fields.UNSUPPORTED),
        unjoined=round(total.counts[fields.UNJOINED]),
        own_rule=own_rule,
    )
    judgement = judge(report, _more_rewarded(total, confidence))
    return msgspec.structs.replace(
        report, verdict=judgement.verdict, why=judgement.why, more_decisions=judgement.more_decisions
    )


def _estimates(total: Totals, confidence: float) -> ReportedEstimates:
    reward = total.statistics.reward
    values = {name: value(total, name, confidence) for name in ESTIMATORS}
    return ReportedEstimates(active=POINTS * reward.mean("y") if reward.count else None, **values)


def _clipped(total: Totals) -> Clipped:
    statistics = total.statistics
    weight = statistics.reward.sum("w") + statistics.clipped_mass
    mass = statistics.clipped_mass / weight if weight > 0.0 else 0.0
    return Clipped(count=round(statistics.clipped), mass=mass)


def _more_rewarded(total: Totals, confidence: float) -> int | None:
    """Return how many more rewarded decisions it takes until the difference is certain, or certainly negligible."""
    estimate = estimated(total, "reward")
    if not estimate.known:
        return None
    size = abs(estimate.value)
    needed = [_more_for(total, width, confidence) for width in (size, EQUAL - size) if width > 0.0]
    return min((more for more in needed if more is not None), default=None)


def _more_for(total: Totals, width: float, confidence: float) -> int | None:
    """Return how many more it takes until the interval is so narrow.

    The variance depends on how many there are, a little: each round takes the one that the last round's number gives.
    """
    more: int | None = 0
    for _ in range(ROUNDS):
        times = 1.0 + (more or 0) / total.rewarded
        more = decisions_needed(estimated(total, "reward", times), width, confidence)
        if more is None:
            return None
    return more
