"""A decision in the log is checked before it is counted or shown."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from pointsman.contracts.messages.decision import CandidateScore, DecisionEvent
from pointsman.contracts.messages.errors import InvalidMessage
from pointsman.contracts.messages.validation import check_event

SCORE = CandidateScore(provider="p", model="m", mean=0.0, width=1.0, ucb=1.5, probability=1.0)
EVENT = DecisionEvent(
    nonce="0123456789abcdef",
    decided_at_ms=1,
    tier="A",
    provider="p",
    model="m",
    policy="u",
    policy_version=1,
    algorithm="uniform",
    propensity=1.0,
    explored=False,
    scores=[SCORE],
    context=[1.0],
)


def test_what_a_replica_writes_passes() -> None:
    check_event(EVENT, "A")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"tier": "B"}, "tier"),
        ({"scores": []}, "scores"),
        ({"scores": [SCORE] * 257}, "scores"),
        ({"provider": ""}, "provider or model"),
    ],
)
def test_what_is_wrong_with_a_decision_is_named(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidMessage) as caught:
        check_event(msgspec.structs.replace(EVENT, **change), "A")
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"model": "a\tb"}, "scores[1]"),
        ({"probability": 1e308}, "scores[1].probability"),
        ({"probability": -0.1}, "scores[1].probability"),
        ({"cost_usd": -1.0}, "scores[1].cost_usd"),
        ({"pulls": 2**64}, "scores[1].pulls"),
    ],
)
def test_what_is_wrong_with_a_score_is_named(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidMessage) as caught:
        check_event(msgspec.structs.replace(EVENT, scores=[SCORE, msgspec.structs.replace(SCORE, **change)]), "A")
    assert caught.value.field == field
