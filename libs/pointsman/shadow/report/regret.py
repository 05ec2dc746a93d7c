"""Regret of the active policy against the best shadow and the best arm, and the arms that underperform."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from pointsman.contracts.config.reporting import RegretConfig
from pointsman.core.off_policy import Moments, effective_sample_size
from pointsman.shadow.report.intervals import POINTS, difference
from pointsman.shadow.report.messages import ArmValue, Regret, RegretReport, ReportedEstimate, ReportedInterval
from pointsman.shadow.report.number_format import percent, span
from pointsman.shadow.report.routing import routing_finding
from pointsman.shadow.report.verdict import MAX_UNSUPPORTED, MIN_EFFECTIVE, MIN_REWARDED
from pointsman.shadow.sums.hour_sums import HourSums, add_up
from pointsman.shadow.sums.reward_sums import fixed_arm_sums


class Samples(NamedTuple):
    """The number of hours in which an arm could be compared, and of those in which it was worse."""

    samples: int = 0
    worse: int = 0


def regret(
    tier: str,
    active: str,
    shadows: Mapping[str, HourSums],
    arms: Mapping[str, Sequence[tuple[int, HourSums]]],
    settings: RegretConfig,
    confidence: float,
    uniform: HourSums | None = None,
) -> RegretReport:
    """Return the regret of one tier.

    Parameters
    ----------
    active : str
        Name of the active policy.
    shadows : mapping of name to HourSums
    arms : mapping of arm to its hours
        Sums of always choosing the arm; the rule ``confidence`` accepts sums by day.
    settings : RegretConfig
    confidence : float
    uniform : HourSums, optional
        Sums of choosing uniformly, with which the store keeps what is the same for all arms.
    """
    totals = {arm: add_up(sums for _, sums in hours) for arm, hours in arms.items()}
    if uniform is not None:
        totals = {arm: fixed_arm_sums(arm, own, uniform) for arm, own in totals.items()}
    by_hour = arms if settings.rule == "share" else dict.fromkeys(arms, ())
    samples = hourly_samples(by_hour, settings.share_margin)
    most = max((sums.statistics.reward for sums in totals.values()), key=lambda m: m.count, default=Moments())
    current = POINTS * most.mean("y")
    values = [_value(arm, sums, current, len(totals), samples[arm], confidence) for arm, sums in totals.items()]
    judged = [_judge(arm, values, settings) for arm in values]
    best_arm = against_best(totals, confidence)
    return RegretReport(
        tier=tier,
        active=active,
        against_best_shadow=against_best(shadows, confidence),
        against_best_arm=best_arm,
        rule=settings.rule,
        arms=sorted(judged, key=lambda arm: (arm.value is None, -(arm.value or 0.0), arm.arm)),
        finding=routing_finding(best_arm, uniform or HourSums()),
    )


def against_best(candidates: Mapping[str, HourSums], confidence: float) -> Regret | None:
    """Return the difference of the best candidate to the active policy; None while none can be judged.

    Only candidates with enough outcomes, and with choices that the active policy also makes, are compared.

    The best is not known in advance, and the highest of K estimates is partly luck. So each of the K intervals has
    error α/K, all hold together with 1 − α (Bonferroni), and then max Δₖ lies between max lowₖ and max highₖ. The
    estimate itself, the highest of K, is biased upwards.
    """
    level = 1.0 - (1.0 - confidence) / max(len(candidates), 1)
    known = {
        name: difference(sums, "reward", level)
        for name, sums in candidates.items()
        if sums.rewarded >= MIN_REWARDED and comparable(sums)
    }
    if not known:
        return None
    best = max(known, key=lambda name: known[name].estimate or 0.0)
    always = [delta.always_valid for delta in known.values()]
    return Regret(
        best=best,
        delta=ReportedEstimate(
            estimate=known[best].estimate,
            low=_largest(delta.low for delta in known.values()),
            high=_largest(delta.high for delta in known.values()),
            method=known[best].method,
            confidence=confidence,
            always_valid=ReportedInterval(
                low=_largest(interval.low for interval in always),
                high=_largest(interval.high for interval in always),
                method=always[0].method,
            ),
        ),
    )


def hourly_samples(arms: Mapping[str, Sequence[tuple[int, HourSums]]], margin: float) -> dict[str, Samples]:
    """Count, for each arm, the hours in which it was worse than that hour's best arm by more than a share.

    An arm's mean reward of an hour is Σwy/Σw over the decisions of that hour: each reward is weighted by one over the
    probability that the arm was served, so that arms are compared on the same requests. An hour counts if at least two
    arms have a reward.
    """
    means: dict[int, dict[str, float]] = {}
    for arm, hours in arms.items():
        for hour, sums in hours:
            reward = sums.statistics.reward
            if reward.sum("w") > 0.0:
                means.setdefault(hour, {})[arm] = reward.sum("wy") / reward.sum("w")
    samples: Counter[str] = Counter()
    worse: Counter[str] = Counter()
    for by_arm in means.values():
        if len(by_arm) < 2:
            continue
        best = max(by_arm.values())
        samples.update(by_arm.keys())
        worse.update(arm for arm, mean in by_arm.items() if mean < (1.0 - margin) * best)
    return {arm: Samples(samples[arm], worse[arm]) for arm in arms}


def comparable(sums: HourSums) -> bool:
    """Return whether the log has enough of a policy's own choices to compare it."""
    effective = effective_sample_size(sums.statistics.reward)
    return effective >= MIN_EFFECTIVE and sums.unsupported <= MAX_UNSUPPORTED


def _value(arm: str, sums: HourSums, current: float, arm_count: int, samples: Samples, confidence: float) -> ArmValue:
    """Return the mean reward of an arm: the current mean reward, plus the difference that always choosing it makes.

    The interval is that of the difference: the current mean reward is the same for all arms and does not matter in
    their comparison. The difference is over the requests for which the arm was a candidate.
    """
    delta = difference(sums, "reward", 1.0 - (1.0 - confidence) / arm_count).map(lambda number: current + number)
    enough = comparable(sums)
    return ArmValue(
        arm=arm,
        value=delta.estimate,
        low=delta.always_valid.low if enough else None,
        high=delta.always_valid.high if enough else None,
        confidence=confidence,
        effective_sample_size=effective_sample_size(sums.statistics.reward),
        samples=samples.samples,
        worse_samples=samples.worse,
    )


def _judge(arm: ArmValue, arms: Sequence[ArmValue], settings: RegretConfig) -> ArmValue:
    why = _by_share(arm, settings) if settings.rule == "share" else _by_confidence(arm, arms, settings.margin)
    return msgspec.structs.replace(arm, underperforms=bool(why), why=why)


def _by_confidence(arm: ArmValue, arms: Sequence[ArmValue], margin: float) -> str:
    """Return why an arm certainly earns less than the best one by more than the margin; empty if it does not."""
    others = [other for other in arms if other.arm != arm.arm and other.low is not None]
    if arm.low is None or arm.high is None or arm.value is None or not others:
        return ""
    best = max(others, key=lambda other: other.low or 0.0)
    assert best.low is not None and best.high is not None  # both ends are known or neither
    if arm.high >= best.low - margin:
        return ""
    return (
        f"would earn {arm.value:.1f} ({span(arm.low, arm.high)}) of 100 on all requests, "
        f"{best.arm} {best.value:.1f} ({span(best.low, best.high)})"
    )


def _by_share(arm: ArmValue, settings: RegretConfig) -> str:
    if arm.samples < settings.min_samples or arm.worse_samples <= settings.share_of_samples * arm.samples:
        return ""
    return (
        f"was worse than the best arm by more than {percent(settings.share_margin, 0)} in {arm.worse_samples} of "
        f"{arm.samples} hours"
    )


def _largest(numbers: Iterable[float | None]) -> float | None:
    return max((number for number in numbers if number is not None), default=None)
