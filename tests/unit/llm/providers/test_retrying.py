from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.llm.providers.retry_policy import MAX_RETRY_DELAY_S, retry_after_s, retry_delay_s

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "7", "retry-after-ms": "250"}, 0.25),
        ({"retry-after": "Sun, 22 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Sun, 22 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after-ms": "x"}, None),
    ],
)
def test_what_the_provider_asks_for(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers, NOW) == seconds


def test_waits_double_up_to_a_bound_and_differ_by_half() -> None:
    assert [retry_delay_s(n, None, 5.0, 0.0) for n in (1, 2, 3, 4, 5, 9)] == [0.125, 0.25, 0.5, 1.0, 2.0, 2.0]
    assert retry_delay_s(1, None, 5.0, 1.0) == 0.25


@given(st.integers(1, 50))
def test_no_wait_is_longer_than_the_bound(retry: int) -> None:
    assert 0.0 < (retry_delay_s(retry, None, 5.0) or 0.0) <= MAX_RETRY_DELAY_S


def test_what_is_asked_for_is_waited_within_the_bound_only() -> None:
    assert retry_delay_s(1, 4.0, 5.0) == 4.0
    assert retry_delay_s(1, 6.0, 5.0) is None


@pytest.mark.parametrize(
    ("header", "delay_s"),
    [
        ("1e400", None),
        ("9e99", 86_400.0),
        ("-1", None),
        ("nan", None),
        (f"Mon, 1 Jan {'9' * 30} 00:00:00 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", 86_400.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400.0),
        ("x" * 60_000, None),
    ],
)
def test_odd_delays_are_none_or_a_day(header: str, delay_s: float | None) -> None:
    assert retry_after_s({"retry-after": header}) == delay_s
