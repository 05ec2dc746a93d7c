"""API keys: what is made, what is kept, and what is found again."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import pytest

from pointsman.contracts.access.keys import Keyring, StoredKey, key_problems, make_key


def test_a_stored_key_does_not_contain_the_key() -> None:
    key, stored = make_key("shop", ["decide", "report"])
    assert key.startswith(f"pm_{stored.id}_")
    assert key.rpartition("_")[2] not in msgspec.json.encode(stored).decode()
    assert stored.hash == "sha256:" + hashlib.sha256(key.encode()).hexdigest()
    assert key_problems(stored, "key") == []


def test_no_two_keys_are_the_same() -> None:
    made = [make_key("same", ["read"]) for _ in range(100)]
    assert len({key for key, _ in made}) == len({stored.id for _, stored in made}) == 100


def test_a_key_is_found_by_itself_only() -> None:
    (key, stored), (other_key, other) = make_key("a", ["read"]), make_key("b", ["admin"])
    ring = Keyring([stored, other])
    assert ring.find(key.encode()) == stored
    assert ring.find(other_key.encode()) == other
    swapped = f"pm_{stored.id}_{other_key.rpartition('_')[2]}"
    for wrong in ("", "pm_", key[:-1], key + "0", key.upper(), f" {key}", swapped, make_key("c", ["read"])[0]):
        assert ring.find(wrong.encode()) is None, wrong
    assert ring.find(bytes(range(80))) is None


def test_an_empty_ring_knows_no_key_not_even_one_of_zeros() -> None:
    assert Keyring().find(f"pm_{'0' * 12}_{'0' * 64}".encode()) is None


def test_a_key_that_was_revoked_or_changed_is_no_longer_held() -> None:
    _, stored = make_key("a", ["read"])
    assert Keyring([stored]).holds(stored)
    assert not Keyring([]).holds(stored)
    assert not Keyring([msgspec.structs.replace(stored, scopes=["decide"])]).holds(stored)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": "ABC"}, "id"),
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["read", "read"]}, "scopes"),
        ({"hash": "sha256:12"}, "hash"),
        ({"rate_limit_per_s": 0.0}, "rate_limit_per_s"),
        ({"rate_limit_per_s": float("nan")}, "rate_limit_per_s"),
    ],
)
def test_what_is_wrong_with_a_stored_key_is_named(change: dict[str, Any], field: str) -> None:
    _, stored = make_key("a", ["read"])
    (problem,) = key_problems(msgspec.structs.replace(stored, **change), "api_key[0]")
    assert problem.startswith(f"api_key[0].{field}: ")


def test_a_key_that_was_put_where_its_hash_belongs_is_not_shown() -> None:
    key, stored = make_key("a", ["read"])
    wrong = StoredKey(id=key, name="a", scopes=["read"], hash=key)
    assert stored.id not in "".join(key_problems(wrong, "api_key[0]"))
