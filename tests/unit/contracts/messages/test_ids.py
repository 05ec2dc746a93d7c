"""Decision ids."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.contracts.messages.errors import MalformedId
from pointsman.contracts.messages.ids import FALLBACK, DecisionId, new_nonce, parse_id

tiers = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True).filter(lambda name: name != FALLBACK)
nonces = st.from_regex(r"[0-9a-f]{16}", fullmatch=True)
sequences = st.integers(1, 10**19 - 1)


@given(tiers, sequences, nonces)
def test_an_id_comes_back_from_its_text(tier: str, sequence: int, nonce: str) -> None:
    made = DecisionId(tier, sequence, nonce)
    assert parse_id(str(made)) == made
    assert not made.degraded


@given(tiers, nonces)
def test_a_fallbacks_id_comes_back_from_its_text_whatever_the_tier_is_called(tier: str, nonce: str) -> None:
    made = DecisionId(tier, None, nonce)
    assert str(made).startswith("fallback.")
    assert parse_id(str(made)) == made
    assert made.degraded


@given(st.text(max_size=60))
def test_any_text_is_an_id_or_malformed(text: str) -> None:
    with contextlib.suppress(MalformedId):
        assert str(parse_id(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SIMPLE",
        "SIMPLE.1",
        "SIMPLE.1.0123456789abcde",
        "SIMPLE.1.0123456789abcdef0",
        "SIMPLE.1.0123456789ABCDEF",
        "SIMPLE.1.0123456789abcdeg",
        "SIMPLE.0.0123456789abcdef",
        "SIMPLE.-1.0123456789abcdef",
        "SIMPLE.+1.0123456789abcdef",
        "SIMPLE.1e3.0123456789abcdef",
        "SIMPLE.007.0123456789abcdef",
        "SIMPLE.1_0.0123456789abcdef",
        "SIMPLE.².0123456789abcdef",
        "SIMPLE.١.0123456789abcdef",
        "SIMPLE.10000000000000000000.0123456789abcdef",
        "SIMPLE..0123456789abcdef",
        ".1.0123456789abcdef",
        "fallback..0123456789abcdef",
        "a.SIMPLE.1.0123456789abcdef",
        " SIMPLE.1.0123456789abcdef\n",
    ],
)
def test_a_malformed_id_is_refused(text: str) -> None:
    with pytest.raises(MalformedId, match="not a decision id"):
        parse_id(text)


def test_nonces_are_16_hex_digits_and_differ() -> None:
    made = {new_nonce() for _ in range(1000)}
    assert len(made) == 1000
    assert all(len(nonce) == 16 and set(nonce) <= set("0123456789abcdef") for nonce in made)
