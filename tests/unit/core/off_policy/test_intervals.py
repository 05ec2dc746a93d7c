from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.off_policy import (
    Estimate,
    Interval,
    asymptotic_sequence,
    decisions_needed,
    empirical_bernstein_interval,
    empirical_bernstein_sequence,
    normal_interval,
)
from pointsman.core.off_policy.confidence_sequence import FARTHEST
from pointsman.core.off_policy.empirical_bernstein_sequence import stitched_boundary


def _estimate(value: float = 0.1, variance: float = 1.0, count: float = 100, method: str = "dr") -> Estimate:
    return Estimate(value, variance, count, method)


KINDS: dict[str, Callable[[Estimate, float], Interval]] = {
    "normal": normal_interval,
    "empirical-bernstein": lambda estimate, confidence: empirical_bernstein_interval(estimate, 2.0, confidence),
    "asymptotic-sequence": asymptotic_sequence,
    "empirical-bernstein-sequence": lambda estimate, confidence: empirical_bernstein_sequence(estimate, 1, confidence),
}
kinds = pytest.mark.parametrize("kind", KINDS)


@kinds
@given(
    value=st.floats(-1, 1),
    variance=st.floats(0, 1),
    count=st.integers(2, 10**9),
    confidence=st.floats(0.51, 0.9999),
)
def test_interval_lies_around_the_value_and_has_its_method(
    kind: str, value: float, variance: float, count: int, confidence: float
) -> None:
    interval = KINDS[kind](_estimate(value, variance, count), confidence)
    assert interval.holds(value)
    assert (interval.low + interval.high) / 2 == pytest.approx(value, abs=1e-9)
    assert (interval.method, interval.confidence) == (kind, confidence)


@kinds
def test_more_terms_less_variance_and_less_confidence_make_it_narrower(kind: str) -> None:
    widths = [KINDS[kind](_estimate(0.1, 0.5, count), 0.95).half_width for count in (50, 500, 5000, 50_000, 10**8)]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < 0.001
    assert KINDS[kind](_estimate(0.1, 0.4, 500), 0.95).half_width < widths[1]
    assert KINDS[kind](_estimate(0.1, 0.5, 500), 0.9).half_width < widths[1]


@kinds
def test_nothing_known_excludes_nothing(kind: str) -> None:
    interval = KINDS[kind](_estimate(math.nan, math.nan, 0), 0.95)
    assert (interval.low, interval.high) == (-math.inf, math.inf)


@kinds
@pytest.mark.parametrize("confidence", [0.5, 1.0, 95.0, -1.0, math.nan])
def test_impossible_confidence_is_refused(kind: str, confidence: float) -> None:
    with pytest.raises(ValueError, match="confidence must be between"):
        KINDS[kind](_estimate(), confidence)


@pytest.mark.parametrize("kind", ["empirical-bernstein", "empirical-bernstein-sequence"])
def test_bounds_for_means_refuse_ratios(kind: str) -> None:
    with pytest.raises(ValueError, match="method 'sndr' is a ratio"):
        KINDS[kind](_estimate(method="sndr")._replace(linear=False), 0.95)


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan])
def test_impossible_bounds_are_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="range must be above 0"):
        empirical_bernstein_interval(_estimate(), bad)
    with pytest.raises(ValueError, match="bound must be above 0"):
        empirical_bernstein_sequence(_estimate(), bad)
    with pytest.raises(ValueError, match="tuned_for must be above 0"):
        asymptotic_sequence(_estimate(), tuned_for=bad)
    with pytest.raises(ValueError, match="tuned_for must be above 0"):
        decisions_needed(_estimate(), 0.1, tuned_for=bad)


def test_normal_interval_is_the_textbook_s() -> None:
    interval = normal_interval(_estimate(5.0, 4.0, 16))
    assert interval[:2] == pytest.approx((5 - 1.959964 * 0.5, 5 + 1.959964 * 0.5), abs=1e-6)
    assert normal_interval(_estimate(0.0, 1.0, 1), 0.9).high == pytest.approx(1.644854, abs=1e-6)


def test_empirical_bernstein_interval_is_the_theorem_s() -> None:
    """Variance 0.25 · 100/99, ln(4/0.05) = 4.382027: √(2 · 0.2525253 · 4.382027/100) + 7 · 4.382027/297."""
    interval = empirical_bernstein_interval(_estimate(0.5, 0.25, 100), 1.0)
    assert interval.half_width == pytest.approx(0.148767 + 0.103280, abs=2e-6)
    wider = empirical_bernstein_interval(_estimate(0.5, 0.25, 100).scaled(3.0), 3.0)
    assert wider.half_width == pytest.approx(3 * interval.half_width)


def test_normal_mixture_is_its_authors() -> None:
    """The two-sided normal mixture in the unit tests of confseq: 30.35209 at v = 100 for α = 0.05, best at 100."""
    assert 100 * asymptotic_sequence(_estimate(0.0, 1.0, 100), tuned_for=100).high == pytest.approx(30.35209, abs=1e-5)


def test_stitched_boundary_is_its_authors() -> None:
    """The polynomial stitched boundary in the unit tests of confseq: v = 100, α = 0.05, v_min = 10, c = 3."""
    assert stitched_boundary(100, 0.05, 3, 10) == pytest.approx(64.48755, abs=1e-5)


def test_empirical_bernstein_sequence_is_the_stitched_boundary_of_the_sum_of_squares() -> None:
    """In the first epoch ℓ = ln(ζ(1.4)/0.025) = 4.82207, k₁ = 1.43550 and k₂ = 1.20711: S = 12.44025 bound."""
    young = empirical_bernstein_sequence(_estimate(0.0, 0.01, 100), 3.0)
    assert young.half_width == pytest.approx(12.44025 * 3.0 / 100, rel=1e-5)
    # Squares, not the variance, are its time: terms of 0.8 without any spread have Σ x² = 640.
    steady = empirical_bernstein_sequence(_estimate(0.8, 0.0, 1000), 2.0)
    assert steady.half_width == pytest.approx(stitched_boundary(640, 0.025, 2, 4) / 1000)
    assert steady.half_width > empirical_bernstein_sequence(_estimate(0.0, 0.0, 1000), 2.0).half_width


def test_sequence_is_narrowest_near_what_it_is_tuned_for() -> None:
    tunings = [10.0**power for power in range(1, 9)]
    widths = [asymptotic_sequence(_estimate(count=10_000), tuned_for=tuning).half_width for tuning in tunings]
    assert tunings[widths.index(min(widths))] == 10_000
    ratios = [
        asymptotic_sequence(_estimate(count=count)).half_width / normal_interval(_estimate(count=count)).half_width
        for count in (100, 1000, 10_000, 100_000, 1_000_000)
    ]
    assert ratios == pytest.approx([4.6, 2.0, 1.55, 1.65, 1.8], abs=0.05)


@given(scale=st.floats(1e-6, 1e6), value=st.floats(-1, 1), count=st.integers(1, 10**6))
def test_sequences_do_not_depend_on_the_unit(scale: float, value: float, count: int) -> None:
    one, other = _estimate(value, 0.3, count), _estimate(value, 0.3, count).scaled(scale)
    assert asymptotic_sequence(other)[:2] == pytest.approx(asymptotic_sequence(one).scaled(scale)[:2])
    bounded = empirical_bernstein_sequence(other, 2 * scale)
    assert bounded[:2] == pytest.approx(empirical_bernstein_sequence(one, 2).scaled(scale)[:2])


def test_negative_factor_turns_an_interval_round() -> None:
    assert Interval(-1.0, 3.0, "normal", 0.95).scaled(-2.0) == Interval(-6.0, 2.0, "normal", 0.95)


@given(variance=st.floats(1e-3, 1e3), count=st.integers(1, 10**7), part=st.floats(0.01, 0.99), tuned=st.floats(10, 1e7))
def test_decisions_needed_are_the_first_that_are_enough(variance: float, count: int, part: float, tuned: float) -> None:
    estimate = _estimate(0.0, variance, count)
    target = part * asymptotic_sequence(estimate, tuned_for=tuned).half_width
    more = decisions_needed(estimate, target, tuned_for=tuned)
    assert more is not None
    assert more > 0
    assert asymptotic_sequence(estimate._replace(count=count + more), tuned_for=tuned).half_width <= target
    assert asymptotic_sequence(estimate._replace(count=count + more - 1), tuned_for=tuned).half_width > target


def test_decisions_needed_are_none_when_narrow_enough_and_unknown_when_out_of_reach() -> None:
    assert decisions_needed(_estimate(), 100.0) == 0
    assert decisions_needed(_estimate(variance=0.0), 1e-9) == 0
    farthest = asymptotic_sequence(_estimate(count=FARTHEST)).half_width
    assert decisions_needed(_estimate(), farthest * 1.01) is not None
    assert decisions_needed(_estimate(), farthest * 0.99) is None
    assert decisions_needed(_estimate(), 0.0) is None
    assert decisions_needed(_estimate(), math.nan) is None
    assert decisions_needed(_estimate(math.nan, math.nan, 0), 0.1) is None
