"""Regret: what the active policy forgoes against the best shadow and the best arm, and which arms underperform."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from pointsman.contracts.config.reporting import RegretConfig
from pointsman.core.off_policy import Moments, effective_sample_size
from pointsman.shadow.report.intervals import POINTS, difference
from pointsman.shadow.report.messages import ArmValue, Regret, RegretReport, ReportedEstimate, ReportedInterval
from pointsman.shadow.report.number_format import percent, span
from pointsman.shadow.report.totals import Totals, of_fixed_arm
from pointsman.shadow.report.verdict import MAX_UNSUPPORTED, MIN_EFFECTIVE, MIN_REWARDED
from pointsman.shadow.sums.hour_sums import HourSums


class Samples(NamedTuple):
    """Of one arm: in how many hours it could be compared, and in how many of those it was worse."""

    samples: int = 0
    worse: int = 0


def regret(
    tier: str,
    active: str,
    shadows: Mapping[str, Totals],
    arms: Mapping[str, Sequence[tuple[int, HourSums]]],
    settings: RegretConfig,
    confidence: float,
    any_arm: Totals | None = None,
) -> RegretReport:
    """Return the regret of one tier.

    Parameters
    ----------
    active : str
        Name of the active policy.
    shadows : mapping of name to Totals
    arms : mapping of arm to its hours
        Sums of the policy that always takes the arm; for the rule ``confidence``, days will do.
    settings : RegretConfig
    confidence : float
    any_arm : Totals, optional
        Of choosing any arm, with which the store keeps what is the same for all arms.
    """
    totals = {arm: Totals.of(sums for _, sums in hours) for arm, hours in arms.items()}
    if any_arm is not None:
        totals = {arm: of_fixed_arm(arm, total, any_arm) for arm, total in totals.items()}
    by_hour = arms if settings.rule == "share" else dict.fromkeys(arms, ())
    samples = hourly_samples(by_hour, settings.share_margin)
    most = max((total.statistics.reward for total in totals.values()), key=lambda m: m.count, default=Moments())
    now = POINTS * most.mean("y")
    values = [_value(arm, total, now, len(totals), samples[arm], confidence) for arm, total in totals.items()]
    judged = [_judge(arm, values, settings) for arm in values]
    return RegretReport(
        tier=tier,
        active=active,
        against_best_shadow=against_best(shadows, confidence),
        against_best_arm=against_best(totals, confidence),
        rule=settings.rule,
        arms=sorted(judged, key=lambda arm: (arm.value is None, -(arm.value or 0.0), arm.arm)),
    )


def against_best(candidates: Mapping[str, Totals], confidence: float) -> Regret | None:
    """Return the difference of the best candidate to the active policy; None while none can be judged.

    Only candidates that can be judged are looked at: with enough outcomes, and with choices that are made, too.

    The best is not known beforehand: picking the highest of K estimates picks luck too. So each of the K intervals has
    error α/K, all hold together with 1 − α (Bonferroni), and then max Δₖ lies between max lowₖ and max highₖ. The
    estimate itself, the highest of K, leans upwards.
    """
    level = 1.0 - (1.0 - confidence) / max(len(candidates), 1)
    known = {
        name: difference(total, "reward", level)
        for name, total in candidates.items()
        if total.rewarded >= MIN_REWARDED and comparable(total)
    }
    if not known:
        return None
    best = max(known, key=lambda name: known[name].estimate or 0.0)
    always = [delta.always_valid for delta in known.values()]
    return Regret(
        best=best,
        delta=ReportedEstimate(
            estimate=known[best].estimate,
            low=_largest([delta.low for delta in known.values()]),
            high=_largest([delta.high for delta in known.values()]),
            method=known[best].method,
            confidence=confidence,
            always_valid=ReportedInterval(
                low=_largest([interval.low for interval in always]),
                high=_largest([interval.high for interval in always]),
                method=always[0].method,
            ),
        ),
    )


def hourly_samples(arms: Mapping[str, Sequence[tuple[int, HourSums]]], margin: float) -> dict[str, Samples]:
    """Count, for each arm, the hours in which it was worse than that hour's best arm by more than a share.

    An arm's mean reward of an hour is Σwy/Σw over the decisions of that hour: each reward counts by one over the
    probability that the arm was served, so that arms are compared on the same requests. An hour counts where at least
    two arms have one.
    """
    means: dict[int, dict[str, float]] = {}
    for arm, hours in arms.items():
        for hour, sums in hours:
            reward = sums.statistics.reward
            if reward.sum("w") > 0.0:
                means.setdefault(hour, {})[arm] = reward.sum("wy") / reward.sum("w")
    samples: Counter[str] = Counter()
    worse: Counter[str] = Counter()
    for of_hour in means.values():
        if len(of_hour) < 2:
            continue
        best = max(of_hour.values())
        samples.update(of_hour.keys())
        worse.update(arm for arm, mean in of_hour.items() if mean < (1.0 - margin) * best)
    return {arm: Samples(samples[arm], worse[arm]) for arm in arms}


def comparable(total: Totals) -> bool:
    """Tell whether the log has enough of a policy's own choices to compare it."""
    effective = effective_sample_size(total.statistics.reward)
    return effective >= MIN_EFFECTIVE and total.unsupported <= MAX_UNSUPPORTED


def _value(arm: str, total: Totals, now: float, of: int, samples: Samples, confidence: float) -> ArmValue:
    """Return what an arm earns: what is earned now, and the difference that taking it always would make.

    The interval is the difference's. What is earned now is the same for all arms, so it is of no account when they are
    compared with each other. The difference is over the requests that the arm was a candidate of.
    """
    delta = difference(total, "reward", 1.0 - (1.0 - confidence) / of)
    enough = comparable(total)

    def at(number: float | None) -> float | None:
        return None if number is None else now + number

    return ArmValue(
        arm=arm,
        value=at(delta.estimate),
        low=at(delta.always_valid.low) if enough else None,
        high=at(delta.always_valid.high) if enough else None,
        confidence=confidence,
        effective_sample_size=effective_sample_size(total.statistics.reward),
        samples=samples.samples,
        worse_samples=samples.worse,
    )


def _judge(arm: ArmValue, arms: Sequence[ArmValue], settings: RegretConfig) -> ArmValue:
    why = _by_share(arm, settings) if settings.rule == "share" else _by_confidence(arm, arms, settings.margin)
    return msgspec.structs.replace(arm, underperforms=bool(why), why=why)


def _by_confidence(arm: ArmValue, arms: Sequence[ArmValue], margin: float) -> str:
    """Return why an arm surely earns less than the best one by more than the margin; empty when it does not."""
    others = [other for other in arms if other.arm != arm.arm and other.low is not None]
    if arm.low is None or arm.high is None or arm.value is None or not others:
        return ""
    best = max(others, key=lambda other: other.low or 0.0)
    assert best.low is not None and best.high is not None  # asked for above
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


def _largest(numbers: Sequence[float | None]) -> float | None:
    known = [number for number in numbers if number is not None]
    return max(known) if known else None
