"""A log made up of decisions whose truth is known, summed by the hour as the shadow-evaluator sums it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from pointsman.core.off_policy import Statistics, terms, weight_spread
from pointsman.core.off_policy.moments import Moments
from pointsman.shadow.sums import hour_sums as fields
from pointsman.shadow.sums.hour_sums import HourSums

ARMS = ("p:small", "p:large", "q:other/1.5:free")
HOUR = 494_000  # of 2026


@dataclass(slots=True)
class Log:
    """Decisions of one active policy and one shadow that both ignore the context.

    Attributes
    ----------
    rewards : tuple of float
        Mean reward of each arm, 0 to 1.
    silent : tuple of int
        Arms whose outcomes report no cost.
    """

    p: tuple[float, ...] = (0.8, 0.1, 0.1)
    q: tuple[float, ...] = (0.1, 0.8, 0.1)
    rewards: tuple[float, ...] = (0.5, 0.6, 0.4)
    costs_usd: tuple[float, ...] = (0.001, 0.01, 0.0)
    noise: float = 0.1
    rewarded: float = 1.0
    silent: tuple[int, ...] = ()
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(7))

    def truth(self) -> float:
        """What the shadow earns more, 0 to 100."""
        return 100.0 * float(np.dot(np.subtract(self.q, self.p), self.rewards))

    def hours(self, decisions: int, hours: int = 1, first: int = HOUR) -> list[tuple[int, HourSums]]:
        """Return the sums of so many decisions, spread evenly over the hours."""
        sizes = [len(part) for part in np.array_split(np.arange(decisions), hours)]
        return [(first + at, self._hour(size)) for at, size in enumerate(sizes)]

    def _hour(self, n: int) -> HourSums:
        p, q = np.tile(self.p, (n, 1)), np.tile(self.q, (n, 1))
        chosen, drawn = (self._draw(of, n) for of in (self.p, self.q))
        counts: defaultdict[str, float] = defaultdict(float, {fields.DECISIONS: float(n)})
        counts[fields.AGREED] = float((chosen == drawn).sum())
        counts[fields.AGREEMENT] = n * float(np.dot(self.p, self.q))
        counts[fields.UNSUPPORTED] = n * float(np.dot(self.q, np.equal(self.p, 0.0)))
        model = np.tile(self.rewards, (n, 1)) * 0.9
        counts[fields.GAIN] = float(((q - p) * model).sum())
        for a, arm in enumerate(ARMS):
            counts[fields.arm_field(fields.SERVED, arm)] += float((chosen == a).sum())
            counts[fields.arm_field(fields.ACTIVE, arm)] += n * self.p[a]
            counts[fields.arm_field(fields.SHADOW, arm)] += n * self.q[a]
            for b, other in enumerate(ARMS):
                if a != b and (both := float(((chosen == a) & (drawn == b)).sum())):
                    counts[fields.pair_field(arm, other)] += both
        known = self.rng.random(n) < self.rewarded
        if not known.any():
            return HourSums(dict(counts))
        p, q, chosen, model = p[known], q[known], chosen[known], model[known]
        outcome = np.clip(np.take(self.rewards, chosen) + self.noise * self.rng.standard_normal(len(chosen)), 0.0, 1.0)
        reward = terms(p, q, chosen, outcome, model)
        delta = reward.vectors @ np.array([0, 0, 1, -1, -1, 1, 1, -1])
        for a, arm in enumerate(ARMS):
            counts[fields.arm_field(fields.JOINED, arm)] += float((chosen == a).sum())
            counts[fields.arm_field(fields.GAINED, arm)] += float(delta[chosen == a].sum())
            counts[fields.arm_field(fields.SPREAD, arm)] += float(weight_spread(p, q)[:, a].sum())
            counts[fields.arm_field(fields.RATED, arm)] += float((chosen == a).sum())
            counts[fields.arm_field(fields.PRICED, arm)] += float((chosen == a).sum()) if a not in self.silent else 0.0
            for name in ("reward", "quality"):
                errors = (outcome - model[np.arange(len(chosen)), chosen])[chosen == a]
                counts[fields.arm_field(fields.square(name), arm)] += float((errors**2).sum())
        priced = ~np.isin(chosen, self.silent)
        p, q, chosen = p[priced], q[priced], chosen[priced]
        cost = terms(p, q, chosen, np.take(self.costs_usd, chosen), np.tile(self.costs_usd, (len(chosen), 1)))
        statistics = Statistics(
            Moments.from_vectors(reward.vectors),
            Moments.from_vectors(reward.vectors),
            Moments.from_vectors(cost.vectors),
        )
        return HourSums(dict(counts), statistics, float(np.max(np.divide(q, p, where=p > 0, out=np.zeros_like(q)))))

    def _draw(self, of: tuple[float, ...], n: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        return self.rng.choice(len(of), size=n, p=of)


def fixed_arms(log: Log, decisions: int, hours: int = 1) -> dict[str, list[tuple[int, HourSums]]]:
    """Return the hours of always taking each arm."""
    made: dict[str, list[tuple[int, HourSums]]] = {}
    for a, arm in enumerate(ARMS):
        q = tuple(float(a == b) for b in range(len(ARMS)))
        made[arm] = Log(log.p, q, log.rewards, log.costs_usd, log.noise, log.rewarded).hours(decisions, hours)
    return made
