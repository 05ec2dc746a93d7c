"""Selection bias: whether decisions with an outcome are like those without, as far as the log can show."""

from pointsman.shadow.report.intervals import POINTS
from pointsman.shadow.report.messages import ArmShare, RewardedBias
from pointsman.shadow.sums import hour_sums as fields
from pointsman.shadow.sums.hour_sums import HourSums


def rewarded_bias(total: HourSums, reward_delta: float | None) -> RewardedBias:
    """Compare the two by what the logged estimates predict, and by the arm that was served.

    Both detect selection by what was known when the decision was made. Outcomes that are missing *because of their
    value* cannot be detected from the log. ``reward_delta`` is the reward difference, 0 to 100.
    """
    reward = total.statistics.reward
    gain = total.mean(fields.GAIN)
    rewarded_gain = reward.mean("gq") - reward.mean("gp") if reward.count else None
    served, joined = total.by_arm(fields.SERVED), total.by_arm(fields.JOINED)
    arms = [
        ArmShare(
            arm=arm,
            served=round(count),
            rewarded=round(joined.get(arm, 0.0)),
            share=joined.get(arm, 0.0) / count if count > 0 else None,
        )
        for arm, count in sorted(served.items(), key=lambda item: (-item[1], item[0]))
    ]
    reweighted = _reweighted(served, joined, total.by_arm(fields.GAINED))
    return RewardedBias(
        model_gain_all=None if gain is None else POINTS * gain,
        model_gain_rewarded=None if rewarded_gain is None else POINTS * rewarded_gain,
        arms=arms,
        reweighted=reweighted,
        shift=None if reweighted is None or reward_delta is None else reweighted - reward_delta,
    )


def _reweighted(served: dict[str, float], joined: dict[str, float], gained: dict[str, float]) -> float | None:
    """Return Σ_a (share of decisions that a served) · (mean difference on those with an outcome): post-stratification.

    Holt, Smith, *Post stratification*, Journal of the Royal Statistical Society A 142 (1979). None while an arm that
    served decisions has no outcome at all, because nothing represents those decisions.
    """
    total = sum(served.values())
    if not total or any(count > 0 and not joined.get(arm) for arm, count in served.items()):
        return None
    return POINTS * sum(count / total * gained.get(arm, 0.0) / joined[arm] for arm, count in served.items() if count)
