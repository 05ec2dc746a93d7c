"""Whether a comparison came out the same on every day of the window."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from pointsman.core.off_policy import effective_sample_size
from pointsman.shadow.report.intervals import difference, estimated
from pointsman.shadow.report.messages import Day, Drift, ReportedEstimate
from pointsman.shadow.report.totals import Totals
from pointsman.shadow.sums import hour_sums as fields
from pointsman.shadow.sums.hour_sums import HOUR_MS, HourSums

HOURS_A_DAY = 24
LEVEL = 0.01
"""How often days that do not differ are called different, by either of the two tests."""
MIN_EFFECTIVE = 50
"""Days that are worth fewer decisions of the shadow's own have no variance to speak of."""
MIN_AGREEMENT_CHANGE = 0.05
"""With many decisions the smallest change of agreement is no chance; a smaller one than this is of no interest."""


class DayValue(NamedTuple):
    """A mean of one day with the variance of that mean."""

    day: str
    value: float
    variance: float


def by_day(hours: Iterable[tuple[int, HourSums]]) -> dict[str, Totals]:
    """Add the hours up by their day in UTC, in order of time."""
    days: defaultdict[int, list[HourSums]] = defaultdict(list)
    for hour, sums in hours:
        days[hour // HOURS_A_DAY].append(sums)
    return {_name(day): Totals.of(days[day]) for day in sorted(days)}


def drift(hours: Iterable[tuple[int, HourSums]], confidence: float) -> Drift:
    """Return each day's figures, and whether the days differ by more than chance.

    The test is Cochran's Q (`homogeneity`), once over the reward differences and once over the agreement, at `LEVEL`
    together. Consecutive days are taken together until they are enough to have a variance (`stretches`).
    """
    totals = {day: total for day, total in by_day(hours).items() if total.decisions or total.rewarded}
    parts = stretches(totals)
    rewards = [_reward(first, total) for first, total in parts]
    agreements = [_agreement(day, total) for day, total in totals.items() if total.decisions >= MIN_EFFECTIVE]
    findings = []
    if homogeneity(rewards) < LEVEL / 2:
        findings.append(f"reward difference {_extremes(rewards, '+.1f', '', 'from')}")
    spread = max((a.value for a in agreements), default=0.0) - min((a.value for a in agreements), default=0.0)
    if spread >= 100.0 * MIN_AGREEMENT_CHANGE and homogeneity(agreements) < LEVEL / 2:
        findings.append(f"agreement {_extremes(agreements, '.0f', ' %', 'on')}")
    if findings:
        text = f"The days differ by more than chance: {'; '.join(findings)}. Look at the days before trusting the mean."
    elif len(parts) > 1:
        text = f"No change over {len(totals)} days beyond what chance explains."
    else:
        text = f"Too early to tell: it takes two days or more with an effective sample of {MIN_EFFECTIVE} each."
    return Drift(
        days=[_day(day, total, confidence) for day, total in totals.items()],
        changed=bool(findings),
        latest_from=parts[-1][0] if parts else "",
        latest=difference(parts[-1][1], "reward", confidence) if parts else ReportedEstimate(),
        text=text,
    )


def stretches(days: Mapping[str, Totals]) -> list[tuple[str, Totals]]:
    """Return consecutive days added up, each with an effective sample of at least `MIN_EFFECTIVE`, by their first day.

    They are made from the last day backwards, so that the last is as recent as can be; days that are left over at the
    beginning go to the first.
    """
    made: list[tuple[str, Totals]] = []
    open_: tuple[str, Totals] | None = None
    for day in sorted(days, reverse=True):
        total = days[day] if open_ is None else days[day] + open_[1]
        open_ = (day, total)
        if effective_sample_size(total.statistics.reward) >= MIN_EFFECTIVE:
            made.append(open_)
            open_ = None
    if open_ and made:
        made[-1] = (open_[0], open_[1] + made[-1][1])
    return made[::-1]


def _reward(first: str, total: Totals) -> DayValue:
    estimate = estimated(total, "reward")
    return DayValue(first, estimate.value, estimate.variance / estimate.count)


def _agreement(day: str, total: Totals) -> DayValue:
    agreed, decisions = total.counts[fields.AGREED], total.decisions
    # Two successes and two failures more: a variance above 0 also where all agree (Agresti, Coull 1998).
    shrunk = (agreed + 2.0) / (decisions + 4.0)
    return DayValue(day, 100.0 * agreed / decisions, 1e4 * shrunk * (1.0 - shrunk) / decisions)


def homogeneity(values: Sequence[DayValue]) -> float:
    """Return how likely days differ at least as much as these by chance alone; 1 for fewer than two days.

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


def _day(day: str, total: Totals, confidence: float) -> Day:
    return Day(
        day=day,
        decisions=total.decisions,
        rewarded=total.rewarded,
        agreement=total.mean(fields.AGREED),
        reward_delta=difference(total, "reward", confidence),
    )


def _extremes(values: Sequence[DayValue], form: str, unit: str, word: str) -> str:
    low, high = min(values, key=lambda v: v.value), max(values, key=lambda v: v.value)
    first, last = sorted((low, high), key=lambda v: v.day)
    told = [f"{v.value:{form}}".replace("-", "−") + f"{unit} {word} {v.day}" for v in (first, last)]
    return " and ".join(told)


def _name(day: int) -> str:
    return datetime.fromtimestamp(day * HOURS_A_DAY * HOUR_MS / 1000.0, UTC).date().isoformat()
