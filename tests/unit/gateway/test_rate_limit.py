from __future__ import annotations

import pytest

from pointsman_gateway.http import rate_limit
from pointsman_gateway.http.rate_limit import RateLimits, TokenBucket, client_network


def test_a_bucket_lets_a_second_s_worth_through_at_once_and_then_one_at_a_time() -> None:
    bucket = TokenBucket(5.0, 100.0)
    assert [bucket.acquire(100.0) for _ in range(5)] == [0.0] * 5
    assert bucket.acquire(100.0) == pytest.approx(0.2)
    assert bucket.acquire(100.2001) == 0.0
    assert bucket.acquire(100.3) > 0.0


def test_a_rate_below_one_a_second_lets_one_through_at_once() -> None:
    bucket = TokenBucket(0.1, 0.0)
    assert bucket.acquire(0.0) == 0.0
    assert bucket.acquire(0.0) == pytest.approx(10.0)
    assert bucket.acquire(10.01) == 0.0


def test_a_refusal_costs_nothing() -> None:
    bucket = TokenBucket(1.0, 0.0)
    bucket.acquire(0.0)
    for _ in range(10):
        assert bucket.acquire(0.5) == pytest.approx(0.5)
    assert bucket.acquire(1.0) == 0.0


def test_each_key_has_its_own_bucket_and_a_changed_rate_resets_it() -> None:
    limits = RateLimits()
    assert limits.acquire("a", 1.0, 0.0) == 0.0
    assert limits.acquire("a", 1.0, 0.0) > 0.0
    assert limits.acquire("b", 1.0, 0.0) == 0.0
    assert limits.acquire("a", 2.0, 0.0) == 0.0


def test_those_not_seen_for_longest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "MAX_CLIENTS", 2)
    limits = RateLimits()
    for client in ("a", "b", "a", "c"):
        limits.acquire(client, 1.0, 0.0)
    assert limits.acquire("a", 1.0, 0.0) > 0.0
    assert limits.acquire("b", 1.0, 0.0) == 0.0


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("not:an:address", "not:an:address"),
    ],
)
def test_the_addresses_that_one_host_has_count_as_one_client(address: str, network: str) -> None:
    assert client_network(address) == network
