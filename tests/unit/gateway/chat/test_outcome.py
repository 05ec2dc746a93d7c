"""What is learned from, and what of it (ADR 0014)."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.contracts.config import Config
from pointsman.contracts.messages.decision import Decision
from pointsman.contracts.messages.outcome import Attempt, Outcome
from pointsman.core.bandit import Arm, RewardRule
from pointsman.llm.completion import Completion, ToolCall, Usage
from pointsman.llm.pricing.prices import Prices
from pointsman.llm.providers.registry import Providers
from pointsman.llm.request import ChatRequest
from pointsman.runtime.telemetry import metrics
from pointsman_gateway.chat.attempts import Attempts
from pointsman_gateway.chat.call import ChatCall
from pointsman_gateway.chat.outcome.grading import AnswerGrader
from pointsman_gateway.chat.outcome.outcome import build_outcome
from tests.support.factories import make_decision

CHOSEN, OTHER = Arm("a", "m"), Arm("b", "n")
GRADER = AnswerGrader(Config())
GOOD = Attempt(provider="a", model="m", status=200, latency_ms=12.0)
FAILED = Attempt(provider="a", model="m", status=500, error="status", latency_ms=33.0)
STOOD_IN = Attempt(provider="b", model="n", status=200, latency_ms=50.0)
WHOLE = Completion(
    status=200,
    usage=Usage(input_tokens=100, output_tokens=20, cached_input_tokens=80),
    finish_reason="stop",
    text_chars=5,
    complete=True,
    response_id="chatcmpl-1",
)
EMPTY = Completion(status=200, finish_reason="stop", complete=True)
CUT = Completion(status=200, text_chars=5)
CALL = Completion(status=200, tool_calls=(ToolCall(name="f", arguments="{}", valid_json=True),), complete=True)


def decision(**more: Any) -> Decision:
    return make_decision(
        **{"sequence": 42, "tier": "S", "provider": "a", "policy_version": 3, "propensity": 0.75, **more}
    )


def ended_call(**more: Any) -> ChatCall:
    """A call that has ended; the chosen arm served unless the arguments differ."""
    attempts = Attempts(Providers([], {}), ChatRequest("openai", {"messages": []}, b"", "auto"), [])
    attempts.made = more.pop("attempts", [GOOD])
    attempts.served = more.pop("served", CHOSEN)
    usual: dict[str, Any] = {
        "decision": decision(),
        "context": [1.0, 0.5],
        "direct": False,
        "arrived_s": 10.0,
        "on_end": lambda _: None,
        "decided_at_ms": 1000,
        "first_byte_s": 10.015,
        "completion": WHOLE,
        "ended_at_ms": 2000,
        "total_ms": 900.0,
        "serving_ms": 850.0,
    }
    return ChatCall(attempts=attempts, **{**usual, **more})


def measure(call: ChatCall, rule: RewardRule) -> Outcome:
    return build_outcome(call, rule, GRADER.assess(call))


def test_the_outcome_of_the_chosen_arm_has_all_that_learning_needs() -> None:
    outcome = measure(ended_call(), RewardRule(lambda_cost=0.5))
    assert (outcome.decision_id, outcome.decision_sequence, outcome.tier) == ("S.42.0123456789abcdef", 42, "S")
    assert (outcome.provider, outcome.model, outcome.context) == ("a", "m", [1.0, 0.5])
    assert (outcome.propensity, outcome.policy, outcome.policy_version) == (0.75, "l", 3)
    assert (outcome.decided_at_ms, outcome.accepted_at_ms) == (1000, 2000)
    assert (outcome.learn, outcome.quality, outcome.latency_ms) == (True, 100.0, 850.0)
    assert outcome.rule == RewardRule(lambda_cost=0.5)
    served = outcome.served
    assert served is not None
    assert (served.input_tokens, served.output_tokens, served.cached_tokens) == (100, 20, 80)
    assert (served.total_ms, served.response_id) == (900.0, "chatcmpl-1")
    assert served.first_byte_ms == pytest.approx(15.0)


def test_when_another_serves_the_chosen_arm_gets_its_own_failure() -> None:
    outcome = measure(ended_call(attempts=[FAILED, STOOD_IN], served=OTHER), RewardRule())
    assert (outcome.provider, outcome.learn) == ("a", True)
    assert (outcome.quality, outcome.cost_usd, outcome.latency_ms) == (0.0, None, 33.0)
    assert outcome.served is not None
    assert (outcome.served.provider, outcome.served.attempts) == ("b", [FAILED, STOOD_IN])


def test_when_no_arm_serves_the_chosen_arm_has_failed() -> None:
    outcome = measure(ended_call(attempts=[FAILED], served=None, completion=None), RewardRule())
    assert (outcome.learn, outcome.quality, outcome.cost_usd, outcome.latency_ms) == (True, 0.0, None, 33.0)


@pytest.mark.parametrize(
    ("what", "quality"),
    [
        ({"completion": CALL}, 100.0),
        ({"completion": EMPTY}, 0.0),
        ({"completion": CUT}, 0.0),
        ({"completion": CUT, "client_left": True}, None),
    ],
)
def test_quality_by_what_came(what: dict[str, Any], quality: float | None) -> None:
    outcome = measure(ended_call(**what), RewardRule())
    assert (outcome.learn, outcome.quality) == (True, quality)


def refused(fault: str) -> Attempt:
    return Attempt(provider="a", model="m", status=400, error="status", fault=fault)


@pytest.mark.parametrize(
    ("fault", "served", "learned"),
    [
        ("model", True, True),
        ("provider", True, True),
        ("key", True, False),
        ("gateway", True, False),
        ("unclear", True, True),
        ("unclear", False, False),
    ],
)
def test_only_the_faults_of_models_and_providers_are_learned_from(fault: str, served: bool, learned: bool) -> None:
    what: dict[str, Any] = {"served": OTHER} if served else {"served": None, "completion": None}
    attempts = [refused(fault), STOOD_IN] if served else [refused(fault)]
    assert measure(ended_call(attempts=attempts, **what), RewardRule()).learn == learned


def test_a_refusal_that_excludes_the_arm_from_now_on_is_not_learned_from() -> None:
    call = ended_call(attempts=[refused("model"), STOOD_IN], served=OTHER)
    call.attempts.excused = True
    assert not measure(call, RewardRule()).learn


@pytest.mark.parametrize(
    "what",
    [
        {"direct": True},
        {"request_faulty": True, "attempts": [FAILED], "served": None, "completion": None},
        {"client_left": True, "attempts": [], "served": None, "completion": None},
        {"stopped": True, "completion": CUT},
        {"decision": decision(decision_id="fallback.S.0123456789abcdef", degraded=True, propensity=None, policy=None)},
        *[
            {"attempts": [Attempt(provider="a", model="m", error=kind), STOOD_IN], "served": OTHER}
            for kind in ("unavailable", "request", "config")
        ],
    ],
)
def test_what_is_no_evidence_about_the_choice_is_not_learned_from(what: dict[str, Any]) -> None:
    assert not measure(ended_call(**what), RewardRule()).learn


def test_an_arm_that_had_failed_before_the_client_left_has_failed() -> None:
    outcome = measure(ended_call(client_left=True, attempts=[FAILED], served=None, completion=None), RewardRule())
    assert (outcome.learn, outcome.quality) == (True, 0.0)


def test_a_pinned_arm_is_learned_from() -> None:
    assert measure(ended_call(decision=decision(pinned=True, propensity=1.0)), RewardRule()).learn


@pytest.mark.parametrize("broken", ["llm_requests", "gen_ai_duration_seconds"])
def test_an_outcome_follows_whatever_fails_when_a_call_is_recorded(
    broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[ChatCall] = []
    call = ended_call(on_end=ended.append, ended_at_ms=0)
    monkeypatch.setattr(metrics, broken, None)
    call.end(200)
    assert ended == [call]


def test_a_cost_that_cannot_be_computed_or_is_not_plausible_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    for cost in (-1.0, float("nan"), float("inf"), 1e12):
        monkeypatch.setattr(Prices, "cost_usd", lambda *_, cost=cost: cost)
        outcome = measure(ended_call(), RewardRule())
        assert (outcome.cost_usd, outcome.quality, outcome.learn) == (None, 100.0, True)
    monkeypatch.setattr(Prices, "cost_usd", None)
    monkeypatch.setattr(GRADER, "_grader", None)
    outcome = measure(ended_call(), RewardRule())
    assert (outcome.cost_usd, outcome.quality, outcome.learn) == (None, None, True)
