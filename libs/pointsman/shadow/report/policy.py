"""The report on one shadow policy, from its sums by day."""

from collections.abc import Mapping, Sequence

import msgspec

from pointsman.contracts.messages.policies import PolicySpec
from pointsman.core.off_policy import ESTIMATORS, decisions_needed, effective_sample_size
from pointsman.shadow.report.bias import rewarded_bias
from pointsman.shadow.report.cost import cost_delta
from pointsman.shadow.report.drift import drift
from pointsman.shadow.report.intervals import POINTS, difference, divided, estimated, value
from pointsman.shadow.report.messages import Clipped, Disagreements, Pair, PolicyReport, ReportedEstimates
from pointsman.shadow.report.verdict import EQUAL, judge
from pointsman.shadow.sums import hour_sums as fields
from pointsman.shadow.sums.hour_sums import HourSums, add_up

ROUNDS = 8
"""Iterations of `_more_for`; the result converges in fewer."""


def policy_report(
    tier: str,
    spec: PolicySpec,
    active: str,
    hours: Sequence[tuple[int, HourSums]],
    arm_costs: Mapping[str, float],
    confidence: float,
    own_rule: str = "",
) -> PolicyReport:
    """Return the report on one shadow policy.

    Parameters
    ----------
    active : str
        Name of the policy that it is compared with.
    hours : sequence of (hour, HourSums)
        In order of time; the sums of a whole day have its first hour.
    arm_costs : mapping of arm to float
        Mean cost of each arm, used while no joined outcome reports a cost.
    own_rule : str
        How its reward rule differs from the active policy's (`pointsman.shadow.own_learning.own_rule`).
    """
    sums = add_up(part for _, part in hours)
    reward = sums.statistics.reward
    reward_delta = difference(sums, "reward", confidence)
    quality_delta = difference(sums, "quality", confidence)
    expected_agreement = sums.mean(fields.AGREEMENT)
    disagree = None if expected_agreement is None else max(1.0 - expected_agreement, 0.0)
    pairs = [Pair(active=served, shadow=drawn, count=count) for (served, drawn), count in sums.pairs().items()]
    report = PolicyReport(
        policy=spec.name,
        tier=tier,
        algorithm=spec.algorithm,
        active=active,
        decisions=sums.decisions,
        errors=round(sums.count(fields.ERRORS)),
        sample=1.0 if spec.sample is None else spec.sample,
        rewarded=sums.rewarded,
        rewarded_share=sums.rewarded / sums.decisions if sums.decisions else None,
        rewarded_bias=rewarded_bias(sums, reward_delta.estimate),
        agreement=sums.mean(fields.AGREED),
        expected_agreement=expected_agreement,
        **cost_delta(sums, arm_costs, confidence)._asdict(),
        active_cost_usd=sums.statistics.cost.mean("y") if sums.statistics.cost.count else None,
        reward_delta=reward_delta,
        quality_delta=quality_delta,
        disagreements=Disagreements(
            count=sums.decisions - round(sums.count(fields.AGREED)),
            expected_share=disagree,
            reward_delta=divided(reward_delta, disagree),
            quality_delta=divided(quality_delta, disagree),
        ),
        pairs=sorted(pairs, key=lambda pair: (-pair.count, pair.active, pair.shadow)),
        drift=drift(hours, confidence),
        estimates=ReportedEstimates(
            active=POINTS * reward.mean("y") if reward.count else None,
            **{name: value(sums, name, confidence) for name in ESTIMATORS},
        ),
        effective_sample_size=effective_sample_size(reward),
        clipped=_clipped(sums),
        unsupported=sums.mean(fields.UNSUPPORTED),
        unjoined=round(sums.count(fields.UNJOINED)),
        own_rule=own_rule,
    )
    judgement = judge(report, _more_rewarded(sums, confidence))
    return msgspec.structs.replace(report, **judgement._asdict())


def _clipped(sums: HourSums) -> Clipped:
    statistics = sums.statistics
    weight = statistics.reward.sum("w") + statistics.clipped_mass
    mass = statistics.clipped_mass / weight if weight > 0.0 else 0.0
    return Clipped(count=round(statistics.clipped), mass=mass)


def _more_rewarded(sums: HourSums, confidence: float) -> int | None:
    """Return how many more rewarded decisions make the difference certain, or certainly negligible."""
    estimate = estimated(sums, "reward")
    if not estimate.known:
        return None
    size = abs(estimate.value)
    needed = [_more_for(sums, width, confidence) for width in (size, EQUAL - size) if width > 0.0]
    return min((more for more in needed if more is not None), default=None)


def _more_for(sums: HourSums, width: float, confidence: float) -> int | None:
    """Return how many more rewarded decisions make the interval this narrow.

    The variance depends slightly on their number, so each round uses the variance for the result of the last one.
    """
    more: int | None = 0
    for _ in range(ROUNDS):
        times = 1.0 + (more or 0) / sums.rewarded
        more = decisions_needed(estimated(sums, "reward", times), width, confidence)
        if more is None:
            return None
    return more
