"""Whether decisions with an outcome are like those without, as far as what was logged can tell."""

from __future__ import annotations

from pointsman.shadow.report.intervals import POINTS
from pointsman.shadow.report.messages import ArmShare, RewardedBias
from pointsman.shadow.report.totals import Totals
from pointsman.shadow.sums import hour_sums as fields


def rewarded_bias(total: Totals, reward_delta: float | None) -> RewardedBias:
    """Compare the two in two ways: by what the logged estimates expect, and by the arm that was served.

    Both are about selection by what was known when the decision was made. Outcomes that are missing *because of how
    they turned out* cannot be seen from within the log.

    Parameters
    ----------
    total : Totals
    reward_delta : float or None
        The reward difference as it stands, 0 to 100.
    """
    reward = total.statistics.reward
    gain = total.mean(fields.GAIN)
    rewarded_gain = reward.mean("gq") - reward.mean("gp") if reward.count else None
    served, joined = total.by_arm("served"), total.by_arm("joined")
    arms = [
        ArmShare(
            arm=arm,
            served=round(count),
            rewarded=round(joined.get(arm, 0.0)),
            share=joined.get(arm, 0.0) / count if count > 0 else None,
        )
        for arm, count in sorted(served.items(), key=lambda item: (-item[1], item[0]))
    ]
    reweighted = _reweighted(served, joined, total.by_arm("gained"))
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
    served decisions has no outcome at all: nothing stands for those decisions.
    """
    total = sum(served.values())
    if not total or any(count > 0 and not joined.get(arm) for arm, count in served.items()):
        return None
    return POINTS * sum(count / total * gained.get(arm, 0.0) / joined[arm] for arm, count in served.items() if count)
