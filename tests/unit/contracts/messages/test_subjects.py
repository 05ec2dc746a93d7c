"""Subjects: each begins with what its stream holds and ends with its tier."""

from __future__ import annotations

import pytest

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.errors import InvalidMessage

ONE_TIER = [
    subjects.decide("T-1"),
    subjects.decision_log("T-1"),
    subjects.decision_topic("T-1"),
    subjects.fallback_topic("T-1"),
    subjects.outcomes("T-1"),
    subjects.feedback("T-1"),
    subjects.rewards("T-1"),
    subjects.shadow("greedy", "T-1"),
    subjects.arms("T-1"),
    subjects.alert("halted", "T-1"),
]


def _matches(subject: str, pattern: str) -> bool:
    tokens, wanted = subject.split("."), pattern.split(".")
    return len(tokens) == len(wanted) and all(w in ("*", t) for t, w in zip(tokens, wanted, strict=True))


@pytest.mark.parametrize("subject", ONE_TIER)
def test_the_tier_is_the_last_token(subject: str) -> None:
    assert subjects.parse_tier(subject) == "T-1"


def test_every_stream_holds_its_own_subjects_and_no_others() -> None:
    held = {
        subject: [stream for stream, pattern in subjects.STREAM_SUBJECTS.items() if _matches(subject, pattern)]
        for subject in [*ONE_TIER, subjects.dead(subjects.OUTCOMES)]
    }
    assert held == {
        "decide.T-1": [],
        "log.decisions.T-1": ["DECISIONS"],
        "decisions.T-1": [],
        "fallbacks.T-1": [],
        "outcomes.T-1": ["OUTCOMES"],
        "feedback.T-1": ["FEEDBACK"],
        "rewards.T-1": ["REWARDS"],
        "shadow.greedy.T-1": ["SHADOW"],
        "arms.T-1": [],
        "alerts.halted.T-1": ["ALERTS"],
        "dead.outcomes": ["DEAD"],
    }


def test_the_wildcards_that_services_subscribe_to_match_their_subjects() -> None:
    assert _matches(subjects.decide("T"), subjects.ANY_DECIDE)
    assert _matches(subjects.arms("T"), subjects.ANY_ARMS)
    assert _matches(subjects.decision_topic("T"), subjects.ANY_DECISION)
    assert _matches(subjects.fallback_topic("T"), subjects.ANY_FALLBACK)


@pytest.mark.parametrize("name", ["A", "acme--SIMPLE", "_", "a" * 64, "0"])
def test_a_name_that_can_be_one_token_is_returned(name: str) -> None:
    assert subjects.check_name(name, "tier") == name


@pytest.mark.parametrize("name", ["", "a" * 65, "a.b", "a*", ">", "a b", "é", "a\n"])
def test_a_name_that_cannot_be_one_token_is_refused(name: str) -> None:
    with pytest.raises(InvalidMessage) as caught:
        subjects.check_name(name, "tier[0].name")
    assert caught.value.field == "tier[0].name"
