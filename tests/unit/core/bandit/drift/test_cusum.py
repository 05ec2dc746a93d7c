"""The test of one value: what it notices, and what it does not take for a change."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pointsman.core.bandit.drift.cusum import WARM_UP, Cusum, CusumSettings, natural_log, tilt
from pointsman.core.bandit.drift.monitor import SETTINGS

REWARD, COST, LATENCY = SETTINGS


def _values(kind: str, n: int) -> NDArray[np.floating[Any]]:
    rng = np.random.default_rng(36)
    match kind:
        case "normal":
            return 0.2 * rng.standard_normal(n)
        case "rare failures":
            return (rng.random(n) >= 0.08) - 0.92
        case "heavy tail":
            return 0.5 * rng.standard_t(3, n)
        case "runs of prompts":
            return 0.15 * np.repeat(rng.standard_normal(n // 20), 20) + 0.15 * rng.standard_normal(n)
        case _:
            return np.zeros(n)


@pytest.mark.parametrize("kind", ["normal", "rare failures", "runs of prompts", "constant"])
def test_a_reward_that_does_not_change_raises_no_alarm(kind: str) -> None:
    """The chance of an alarm is below 1 in 100,000 values (ADR 0036), so this fails for one seed in ten at most."""
    cusum = Cusum()
    highest = 0.0
    for value in _values(kind, 10_000).tolist():
        cusum.observe(value, value, REWARD, at_ms=1)
        highest = max(highest, cusum.low, cusum.high)
    assert highest < REWARD.threshold


@pytest.mark.parametrize("kind", ["heavy tail", "normal", "constant"])
def test_a_latency_that_does_not_change_raises_no_alarm(kind: str) -> None:
    cusum = Cusum()
    for value in (6.0 + _values(kind, 10_000)).tolist():
        cusum.observe(value, math.exp(value), LATENCY, at_ms=1)
        assert max(cusum.low, cusum.high) < LATENCY.threshold


@pytest.mark.parametrize(
    ("settings", "kind", "change", "within"),
    [
        (REWARD, "normal", -0.2, 60),
        (REWARD, "normal", 0.2, 60),
        (REWARD, "constant", -0.2, 10),
        (COST, "normal", math.log(10.0), 15),
        (COST, "constant", -math.log(10.0), 15),
        (COST, "heavy tail", math.log(10.0), 20),
        (LATENCY, "normal", math.log(3.0), 40),
    ],
)
def test_a_change_is_noticed(settings: CusumSettings, kind: str, change: float, within: int) -> None:
    cusum = Cusum()
    for at, value in enumerate(_values(kind, 1_000).tolist()):
        cusum.observe(value, 1.0, settings, at)
    low, high = 0, 0
    for at, value in enumerate((_values(kind, 1_000) + change).tolist()):
        cusum.observe(value, 1.0, settings, 1_000 + at)
        low, high = low or at * (cusum.low > settings.threshold), high or at * (cusum.high > settings.threshold)
        if low or high:
            break
    assert 0 < (low if change < 0.0 else high) < within
    since_ms = cusum.low_since_ms if change < 0.0 else cusum.high_since_ms
    assert abs(since_ms - 1_000) <= 10


def test_nothing_is_tested_before_enough_values_are_known() -> None:
    cusum = Cusum()
    for at in range(WARM_UP):
        cusum.observe(1.0 if at < WARM_UP / 2 else -1.0, 1.0, REWARD, at)
    assert (cusum.low, cusum.high) == (0.0, 0.0)


def test_rare_failures_make_the_same_evidence_count_for_less() -> None:
    assert tilt(0.5, 1.0, 1e-9) == pytest.approx(1.0)
    assert tilt(0.5, 1.0, 3.0) < 0.7
    assert tilt(0.5, 4.0, 1e-9) == pytest.approx(0.25)


@pytest.mark.parametrize("value", [1e-7, 0.02, 0.5, 0.75, 1.0, 3.0, 1e9])
def test_the_logarithm_is_that_of_the_standard_library_to_seven_digits(value: float) -> None:
    assert natural_log(value) == pytest.approx(math.log(value), abs=2e-7)
