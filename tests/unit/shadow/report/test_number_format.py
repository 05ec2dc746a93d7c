from __future__ import annotations

import pytest

from pointsman.shadow.report.number_format import about, dollars, signed


@pytest.mark.parametrize(
    ("number", "text"), [(1.94, "+1.9"), (-0.42, "−0.4"), (0.0, "0.0"), (-0.04, "0.0"), (0.04, "0.0"), (12.0, "+12.0")]
)
def test_differences_have_a_sign_unless_they_are_none(number: float, text: str) -> None:
    assert signed(number) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.0, "$0"), (0.00125, "+$0.00125"), (-0.4, "−$0.4"), (-0.0000012345, "−$0.00000123"), (1234.5, "+$1,234")],
)
def test_dollars_have_three_digits_that_count(number: float, text: str) -> None:
    assert dollars(number) == text


@pytest.mark.parametrize(("number", "text"), [(7.0, "7"), (8_512.0, "8,500"), (1_249_000.0, "1,200,000")])
def test_a_guess_has_two_digits(number: float, text: str) -> None:
    assert about(number) == text
