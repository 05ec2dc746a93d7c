from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.features import CHAT_NAMES, TIER_WEIGHTS, TierBound, TierScore, chat_features, view_request
from pointsman.core.features.request_view import Dialect
from tests.unit.core.features.requests import anthropic_loop, ask, openai_loop, openai_tools

THREE = TierScore([TierBound("SIMPLE", 0.15), TierBound("MEDIUM", 0.45), TierBound("COMPLEX", None)], "SIMPLE")
"""The bounds that docs/reference/features.md recommends."""


def tier(body: dict[str, Any], dialect: Dialect = "openai") -> str:
    return THREE.tier(THREE.score(chat_features(view_request(body, dialect))))


SMALL_TALK = [
    {"role": "user", "content": "What will the weather in Berlin be like tomorrow?"},
    {"role": "assistant", "content": "Sunny, some 20 degrees."},
] * 4


@pytest.mark.parametrize(
    "body",
    [
        ask("Hi!"),
        ask("What is the capital of France?", stream=True),
        ask("Translate 'good morning' to Spanish."),
        ask("Write a short, friendly email to my colleague Anna that I will be ten minutes late."),
        ask("Extract the name and the date: 'Ms Miller, 3 May'.", response_format={"type": "json_object"}),
        ask("What's the weather in Paris?", tools=openai_tools(1)),
        {"messages": [*SMALL_TALK, {"role": "user", "content": "And in Rome?"}], "stream": True},
    ],
)
def test_a_short_chat_is_simple(body: dict[str, Any]) -> None:
    assert tier(body) == "SIMPLE"


@pytest.mark.parametrize(
    "body",
    [
        ask("Prove that the square root of 2 is irrational, step by step, and justify every step."),
        ask("Explain what this does, and why it fails:\n```python\ndef f(x):\n    return x == None\n```"),
        ask("What is 17 * 23?", reasoning_effort="high"),
        ask("What does section 4 mean?\n" + "The lessee shall pay the rent. " * 4000),
    ],
)
def test_one_demanding_side_is_medium(body: dict[str, Any]) -> None:
    assert tier(body) == "MEDIUM"


@pytest.mark.parametrize(
    ("body", "dialect"),
    [
        (openai_loop(8), "openai"),
        (anthropic_loop(8), "anthropic"),
        (openai_loop(0), "openai"),
        (
            ask(
                "Review this contract for liability, privacy and compliance risks under GDPR. Evaluate the legal "
                "implications of each clause in detail, and justify your analysis: 'The processor shall …'"
            ),
            "openai",
        ),
    ],
)
def test_an_agents_work_and_risky_reasoning_are_complex(body: dict[str, Any], dialect: Dialect) -> None:
    assert tier(body, dialect) == "COMPLEX"


def test_the_score_is_the_weighted_sum() -> None:
    x = [0.5] * 12
    assert TierScore([], "T").score(x) == pytest.approx(0.5 * sum(TIER_WEIGHTS.values()))


@given(st.lists(st.floats(0.0, 1.0), min_size=12, max_size=12))
def test_the_score_is_from_0_to_1(x: list[float]) -> None:
    assert 0.0 <= TierScore([], "T").score(x) <= 1.0


def test_weights_of_ones_own_replace_the_others() -> None:
    x = [0.0] * 12
    x[CHAT_NAMES.index("risk")] = 1.0
    assert TierScore([], "T", {"risk": 0.9}).score(x) == 0.9
    assert TierScore([], "T", {"risk": 0.9}).score([1.0] * 12) == 1.0
    assert TierScore([], "T", {"bias": -math.pi}).score([1.0] + [0.0] * 11) == 0.0


def test_every_feature_has_a_weight() -> None:
    assert tuple(TIER_WEIGHTS) == CHAT_NAMES


@pytest.mark.parametrize(("score", "tier"), [(0.0, "A"), (0.29, "A"), (0.3, "B"), (0.59, "B"), (0.6, "D"), (1.0, "D")])
def test_a_tier_is_the_first_whose_bound_is_above_the_score(score: float, tier: str) -> None:
    assert TierScore([TierBound("A", 0.3), TierBound("B", 0.6)], "D").tier(score) == tier


def test_without_bounds_everything_goes_to_the_default() -> None:
    assert TierScore([], "D").tier(0.0) == TierScore([], "D").tier(1.0) == "D"


def test_a_last_tier_without_a_bound_takes_the_rest() -> None:
    assert TierScore([TierBound("A", 0.3), TierBound("B", None)], "D").tier(1.0) == "B"


@pytest.mark.parametrize(
    ("before", "score", "after"),
    [
        ("SIMPLE", 0.1, "SIMPLE"),
        ("SIMPLE", 0.2, "MEDIUM"),
        ("SIMPLE", 0.9, "COMPLEX"),
        ("MEDIUM", 0.1, "MEDIUM"),
        ("COMPLEX", 0.0, "COMPLEX"),
        ("no such tier any more", 0.2, "MEDIUM"),
    ],
)
def test_a_conversation_rises_to_a_higher_tier_and_never_falls(before: str, score: float, after: str) -> None:
    assert THREE.next_tier(score, before) == after


def test_the_tier_for_what_is_left_is_the_highest() -> None:
    left = TierScore([TierBound("SIMPLE", 0.15), TierBound("MEDIUM", 0.45)], "COMPLEX")
    assert [left.next_tier(0.5, before) for before in ("SIMPLE", "MEDIUM")] == ["COMPLEX", "COMPLEX"]
    assert left.next_tier(0.3, "COMPLEX") == "COMPLEX"
    only = TierScore([], "ONE")
    assert only.next_tier(1.0, "ONE") == "ONE"
