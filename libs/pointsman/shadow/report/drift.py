"""Drift: whether a comparison had the same result on every day of the window."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from pointsman.core.off_policy import effective_sample_size
from pointsman.shadow.periods import DAY_S, HOURS_PER_DAY
from pointsman.shadow.report.intervals import difference, estimated
from pointsman.shadow.report.messages import Day, Drift, ReportedEstimate
from pointsman.shadow.report.number_format import NumberFormat, percent, signed
from pointsman.shadow.report.verdict import MIN_EFFECTIVE
from pointsman.shadow.sums import hour_sums as fields
from pointsman.shadow.sums.hour_sums import HourSums, add_up

LEVEL = 0.01
"""Probability that days without a difference are reported as different, by either of the two tests."""
MIN_AGREEMENT_CHANGE = 0.05
"""Smallest change of agreement that is reported: with many decisions, even an irrelevant one is significant."""


class DayValue(NamedTuple):
    """The mean of one day, and the variance of that mean."""

    day: str
    value: float
    variance: float


def by_day(hours: Iterable[tuple[int, HourSums]]) -> dict[str, HourSums]:
    """Add up the hours by their day in UTC, in order of time."""
    days: defaultdict[int, list[HourSums]] = defaultdict(list)
    for hour, sums in hours:
        days[hour // HOURS_PER_DAY].append(sums)
    return {datetime.fromtimestamp(day * DAY_S, UTC).date().isoformat(): add_up(days[day]) for day in sorted(days)}


def drift(hours: Iterable[tuple[int, HourSums]], confidence: float) -> Drift:
    """Return the figures of each day, and whether the days differ by more than chance.

    The test is Cochran's Q (`homogeneity`), once over the reward differences and once over the agreement, at `LEVEL`
    together. Consecutive days are combined until their variance is reliable (`stretches`).
    """
    days = {day: sums for day, sums in by_day(hours).items() if sums.decisions or sums.rewarded}
    parts = stretches(days)
    rewards = [_reward(first, sums) for first, sums in parts]
    agreements = [_agreement(day, sums) for day, sums in days.items() if sums.decisions >= MIN_EFFECTIVE]
    findings = []
    if homogeneity(rewards) < LEVEL / 2:
        findings.append(f"reward difference {_extremes(rewards, signed, 'from')}")
    shares = [agreement.value for agreement in agreements] or [0.0]
    if max(shares) - min(shares) >= MIN_AGREEMENT_CHANGE and homogeneity(agreements) < LEVEL / 2:
        findings.append(f"agreement {_extremes(agreements, lambda share: percent(share, 0), 'on')}")
    if findings:
        text = (
            f"The days differ by more than chance: {'; '.join(findings)}. Look at the days before you trust the mean."
        )
    elif len(parts) > 1:
        text = f"No change over {len(days)} days beyond what chance explains."
    else:
        text = f"Too early: the test needs at least two days with an effective sample of {MIN_EFFECTIVE:.0f} each."
    return Drift(
        days=[
            Day(
                day=day,
                decisions=sums.decisions,
                rewarded=sums.rewarded,
                agreement=sums.mean(fields.AGREED),
                reward_delta=difference(sums, "reward", confidence),
            )
            for day, sums in days.items()
        ],
        changed=bool(findings),
        latest_from=parts[-1][0] if parts else "",
        latest=difference(parts[-1][1], "reward", confidence) if parts else ReportedEstimate(),
        text=text,
    )


def stretches(days: Mapping[str, HourSums]) -> list[tuple[str, HourSums]]:
    """Combine consecutive days until each stretch has an effective sample of at least `MIN_EFFECTIVE`.

    The stretches are built from the last day backwards, so that the last one is as recent as possible. Days that are
    left at the beginning are added to the first stretch. Each stretch is named by its first day.
    """
    made: list[tuple[str, HourSums]] = []
    current: tuple[str, HourSums] | None = None
    for day in sorted(days, reverse=True):
        current = (day, days[day] if current is None else days[day] + current[1])
        if effective_sample_size(current[1].statistics.reward) >= MIN_EFFECTIVE:
            made.append(current)
            current = None
    if current and made:
        made[-1] = (current[0], current[1] + made[-1][1])
    return made[::-1]


def homogeneity(values: Sequence[DayValue]) -> float:
    """Return the probability that equal days differ at least as much as these; 1 for fewer than two days.

    Q = Σ wᵢ (xᵢ − x̄)², with wᵢ = 1/variance and x̄ the weighted mean, is χ² with k − 1 degrees of freedom when all days
    have the same mean. Cochran, *The combination of estimates from different experiments*, Biometrics 10 (1954).
    """
    known = [value for value in values if value.variance > 0.0]
    if len(known) < 2:
        return 1.0
    weights = [1.0 / value.variance for value in known]
    mean = sum(w * value.value for w, value in zip(weights, known, strict=True)) / sum(weights)
    q = sum(w * (value.value - mean) ** 2 for w, value in zip(weights, known, strict=True))
    return chi_squared_tail(q, len(known) - 1)


def chi_squared_tail(q: float, degrees: int) -> float:
    """Return P(χ² > q) for a whole number of degrees of freedom.

    By the recurrence Q(a + 1, x) = Q(a, x) + xᵃ e⁻ˣ / Γ(a + 1) with a = degrees/2, x = q/2, from Q(½, x) = erfc(√x) or
    Q(1, x) = e⁻ˣ. NIST Digital Library of Mathematical Functions, 8.8.6 and 8.4.6.
    """
    x = q / 2.0
    if x <= 0.0:
        return 1.0
    a, tail = (0.5, math.erfc(math.sqrt(x))) if degrees % 2 else (1.0, math.exp(-x))
    while a < degrees / 2.0 - 0.25:
        tail += math.exp(a * math.log(x) - x - math.lgamma(a + 1.0))
        a += 1.0
    return min(tail, 1.0)


def _reward(first: str, sums: HourSums) -> DayValue:
    estimate = estimated(sums, "reward")
    return DayValue(first, estimate.value, estimate.variance / estimate.count)


def _agreement(day: str, sums: HourSums) -> DayValue:
    agreed, decisions = sums.count(fields.AGREED), sums.decisions
    # Two more successes and failures: the variance is above 0 even if all agree (Agresti, Coull 1998).
    shrunk = (agreed + 2.0) / (decisions + 4.0)
    return DayValue(day, agreed / decisions, shrunk * (1.0 - shrunk) / decisions)


def _extremes(values: Sequence[DayValue], number_format: NumberFormat, word: str) -> str:
    low, high = min(values, key=lambda v: v.value), max(values, key=lambda v: v.value)
    return " and ".join(f"{number_format(v.value)} {word} {v.day}" for v in sorted((low, high), key=lambda v: v.day))
