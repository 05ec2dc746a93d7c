"""How often intervals and sequences hold the truth, on logs with weights up to 30 (ε = 0.1, three arms).

Seeded, so each test passes or fails for good; the false-failure rates are those of a fresh seed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from pointsman.core.bandit import FloatArray
from pointsman.core.off_policy import (
    MIN_COUNT,
    ArmErrors,
    Estimate,
    Moments,
    asymptotic_sequence,
    difference_bound,
    empirical_bernstein_sequence,
    normal_interval,
    predicted_variance,
)
from pointsman.core.off_policy.predicted_variance import PRIOR
from tests.unit.core.off_policy.logs import Runs, heavy_weight_runs, learning_runs

RUNS = 400
MOST_MISSES = 36
"""Of 400. A sequence that misses 5 % of the time has more with probability 3 in 10,000; one that misses 15 % passes
with probability 4 in 10,000."""

Bools = NDArray[np.bool_]

LOGS: dict[str, Callable[[], Runs]] = {
    "numbers, 30 % disagree": lambda: heavy_weight_runs(np.random.default_rng(1), RUNS, 6000, 0.3, False),
    "numbers, 5 % disagree": lambda: heavy_weight_runs(np.random.default_rng(2), RUNS, 6000, 0.05, False),
    "yes or no, 30 % disagree": lambda: heavy_weight_runs(np.random.default_rng(3), RUNS, 6000, 0.3, True),
    "active policy learns": lambda: learning_runs(np.random.default_rng(4), RUNS, 6000),
}


@pytest.fixture(scope="module", params=LOGS)
def runs(request: pytest.FixtureRequest) -> Runs:
    return LOGS[request.param]()


class _Looks:
    """Value and variances after each decision, and how far the value is from the truth."""

    def __init__(self, runs: Runs) -> None:
        self.counts = np.arange(1, runs.weight.shape[1] + 1)
        self.value: FloatArray = np.cumsum(runs.difference, axis=1) / self.counts
        squares = np.cumsum(runs.difference**2, axis=1) / self.counts
        self.empirical: FloatArray = np.maximum(squares - self.value**2, 0)
        self.error: FloatArray = np.abs(self.value - runs.truth)
        self.predicted = self._predicted(runs)
        self.variance: FloatArray = np.maximum(self.empirical, self.predicted)

    def _predicted(self, runs: Runs) -> FloatArray:
        """Return `predicted_variance` after each decision."""
        mean = np.cumsum(runs.gap, axis=1) / self.counts
        variance: FloatArray = np.maximum(np.cumsum(runs.gap**2, axis=1) / self.counts - mean**2, 0)
        for arm in range(len(runs.spread)):
            served = np.cumsum(runs.chosen == arm, axis=1)
            wrong = np.cumsum((runs.chosen == arm) * runs.error**2, axis=1)
            spread = np.cumsum(runs.spread[arm], axis=1) / self.counts
            variance += spread * (wrong + PRIOR) / (served + PRIOR)
        return variance

    def outside_asymptotic_sequence(self, variance: FloatArray) -> Bools:
        # Its half width is √variance times one number for each count.
        unit = [asymptotic_sequence(Estimate(0.0, 1.0, float(count), "dr")).half_width for count in self.counts]
        outside: Bools = (self.error > np.sqrt(variance) * np.array(unit)) & (self.counts >= MIN_COUNT)
        return outside


def test_asymptotic_sequence_rarely_ever_excludes_the_truth(runs: Runs) -> None:
    """Every look from the 50th decision on, with the variance that reports use."""
    looks = _Looks(runs)
    assert looks.outside_asymptotic_sequence(looks.variance).any(axis=1).sum() <= MOST_MISSES


def test_reports_have_the_variance_that_is_tested_here() -> None:
    runs = heavy_weight_runs(np.random.default_rng(5), 1, 3000, 0.3, False)
    looks = _Looks(runs)
    vectors = np.zeros((3000, 8))
    vectors[:, 0], vectors[:, 6] = 1.0, runs.gap[0]
    arms = {
        str(arm): ArmErrors(
            float(runs.spread[arm, 0].sum()),
            float((runs.chosen[0] == arm).sum()),
            float((runs.error[0, runs.chosen[0] == arm] ** 2).sum()),
        )
        for arm in range(3)
    }
    assert predicted_variance(Moments.from_vectors(vectors), arms, 1.0) == pytest.approx(
        float(looks.predicted[0, -1]), rel=1e-9
    )


def test_predicted_variance_is_known_before_any_heavy_weight_was_met() -> None:
    """After 200 decisions most of these logs have met none, and a variance of a tenth of what it is in the end."""
    looks = _Looks(LOGS["numbers, 5 % disagree"]())
    in_the_end = float(np.median(looks.empirical[:, -1]))
    assert np.median(looks.empirical[:, 199]) < 0.3 * in_the_end
    assert in_the_end * 0.9 < float(np.median(looks.predicted[:, 199])) < in_the_end * 6.0
    assert in_the_end * 0.9 < float(np.median(looks.predicted[:, -1])) < in_the_end * 1.5


def test_asymptotic_sequence_with_the_empirical_variance_is_not_to_be_believed() -> None:
    """Why the variance is predicted: the effective sample size of these logs is in the hundreds from the 500th on.

    About 35 % of the runs miss; fewer than 20 % (80 of 400) with probability 1e-11.
    """
    looks = _Looks(LOGS["numbers, 5 % disagree"]())
    ever = (looks.outside_asymptotic_sequence(looks.empirical) & (looks.counts >= 500)).any(axis=1)
    assert ever.mean() > 0.2


def test_empirical_bernstein_sequence_rarely_ever_excludes_the_truth(runs: Runs) -> None:
    """From the first decision on; 250 looks in equal ratios, since widths hardly change in between."""
    looks, bound = _Looks(runs), difference_bound(runs.largest)
    assert np.abs(runs.difference).max() <= bound
    ever = np.zeros(RUNS, dtype=np.bool_)
    for at in np.unique(np.geomspace(1, len(looks.counts), 250).astype(int)) - 1:
        for run in np.flatnonzero(~ever):
            value, variance = float(looks.value[run, at]), float(looks.empirical[run, at])
            interval = empirical_bernstein_sequence(Estimate(value, variance, float(at + 1), "dr"), bound)
            ever[run] = not interval.holds(float(runs.truth[run, at]))
    assert ever.sum() <= MOST_MISSES


@pytest.mark.parametrize("yes_or_no", [False, True])
def test_normal_interval_has_about_its_nominal_coverage(yes_or_no: bool) -> None:
    """At one look, with some 80 heavy weights met.

    Of 2000 logs an interval that misses 5 % of the time misses 3.5 to 7 % but for 1 seed in 1000; measured with 4000
    logs, it misses 4.6 % for numbers (then below 3.5 % for 1 seed in 150) and 5.5 % for yes or no (then above 7 % for
    1 seed in 500).
    """
    rng = np.random.default_rng(20 + yes_or_no)
    missed = 0
    for _ in range(20):
        runs = heavy_weight_runs(rng, 100, 8000, 0.3, yes_or_no)
        for term, truth in zip(runs.difference, runs.truth[:, -1], strict=True):
            estimate = Estimate(float(term.mean()), float(term.var()), 8000.0, "dr")
            missed += not normal_interval(estimate).holds(float(truth))
    assert 70 <= missed <= 140


def test_looking_often_breaks_the_normal_interval_and_not_the_sequence() -> None:
    """What sequences are for.

    The normal interval at every look between the 2,000th decision and the 6,000th misses in 19 % of the logs; in fewer
    than 12 % (48 of 400) with probability 1e-4.
    """
    looks = _Looks(LOGS["numbers, 30 % disagree"]())
    later = looks.counts >= 2000
    normal = looks.error > 1.96 * np.sqrt(looks.empirical / looks.counts)
    assert (normal & later).any(axis=1).mean() > 0.12
    assert looks.outside_asymptotic_sequence(looks.variance).any(axis=1).sum() <= MOST_MISSES
