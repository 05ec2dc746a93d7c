"""Contexts: the right length, finite, and of a sane size."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.bandit import ContextError, conform
from pointsman.core.bandit.context import LARGEST

numbers = st.floats(-LARGEST, LARGEST)


@given(st.lists(numbers, min_size=1, max_size=20))
def test_a_fitting_context_is_returned_as_it_is(context: list[float]) -> None:
    assert conform(context, len(context)) == context


@given(st.lists(numbers, max_size=20), st.integers(1, 20))
def test_another_length_is_refused_unless_padding_is_asked_for(context: list[float], dim: int) -> None:
    padded = conform(context, dim, "pad")
    assert padded == (context + [0.0] * dim)[:dim]
    if len(context) != dim:
        with pytest.raises(ContextError, match=f"expected {dim} numbers, got {len(context)}"):
            conform(context, dim)


def test_whole_numbers_become_floats() -> None:
    assert all(type(value) is float for value in conform([1, 0, -3], 3))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_number_that_is_not_finite_is_refused_with_its_place(value: float, at: int) -> None:
    context = [0.5, 0.5, 0.5]
    context[at] = value
    with pytest.raises(ContextError, match=rf"^\[{at}\]: expected a finite number"):
        conform(context, 3)


@pytest.mark.parametrize("value", [math.nextafter(LARGEST, math.inf), -1e300])
def test_a_number_that_would_drown_the_others_is_refused_with_its_place(value: float) -> None:
    with pytest.raises(ContextError, match=r"^\[1\]: expected at most 1e\+06 in absolute value"):
        conform([0.0, value], 2)


def test_the_largest_number_itself_is_accepted() -> None:
    assert conform([LARGEST, -LARGEST], 2) == [LARGEST, -LARGEST]


def test_what_truncation_cuts_off_is_not_looked_at() -> None:
    assert conform([1.0, math.nan], 1, "pad") == [1.0]
