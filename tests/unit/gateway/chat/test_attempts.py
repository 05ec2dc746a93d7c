"""Which arms are tried, in which order, and which error is returned when none answers."""

from __future__ import annotations

import pytest

from pointsman.contracts.messages.decision import CandidateScore, Decision
from pointsman.core.bandit import Arm
from pointsman.llm.providers.failure import ProviderError, UnknownProvider
from pointsman.llm.providers.faults.fault import Fault, Verdict
from pointsman.llm.request import Dialect
from pointsman_gateway.chat.attempts import attempt_order, no_answer_error
from tests.support.factories import make_decision

A, B, C, D = (Arm("p", name) for name in "abcd")


def decided(chosen: Arm, scores: list[tuple[Arm, float, float]]) -> Decision:
    return make_decision(
        provider=chosen.provider,
        model=chosen.model,
        degraded=not scores,
        scores=[
            CandidateScore(
                provider=arm.provider, model=arm.model, mean=0.0, width=0.0, ucb=ucb, probability=probability
            )
            for arm, probability, ucb in scores
        ],
    )


@pytest.mark.parametrize(
    ("decision", "order"),
    [
        (decided(C, [(A, 0.9, 0.5), (B, 0.05, 0.9), (C, 0.05, 0.1)]), [C, A, B]),
        (decided(A, [(A, 0.9, 0.5), (B, 0.05, 0.2), (C, 0.05, 0.4)]), [A, C, B]),
        (decided(A, [(A, 1.0, 0.0), (B, 0.0, 0.3), (C, 0.0, 0.3)]), [A, B, C]),
        (decided(B, []), [B, A, C]),
    ],
)
def test_the_chosen_arm_then_the_others_as_the_policy_would_have_them(decision: Decision, order: list[Arm]) -> None:
    assert attempt_order(decision, (A, B, C)) == order


def failed(
    status: int | None, text: str = "p is broken", *, fault: Fault = Fault.MODEL, wait: float | None = None
) -> ProviderError:
    kind = "status" if status else "connect"
    return ProviderError(kind, text, status=status, verdict=Verdict(fault), retry_after_s=wait)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("errors", "status"),
    [
        ([failed(None)], 502),
        ([failed(429)], 429),
        ([failed(429), failed(429)], 429),
        ([failed(429), failed(503)], 502),
        ([failed(500), failed(400, fault=Fault.REQUEST)], 400),
        ([failed(401)], 502),
    ],
)
def test_the_status_is_that_of_all_errors_or_502(errors: list[ProviderError], status: int) -> None:
    assert no_answer_error(errors, "openai").status == status


def test_a_request_that_all_models_refuse_gets_the_last_error() -> None:
    errors = [failed(400, "p: prompt is too long"), failed(400, "q: prompt is too long")]
    error = no_answer_error(errors, "openai")
    assert (error.status, error.body) == (400, errors[-1].body)


def test_every_reason_is_in_the_one_error() -> None:
    error = no_answer_error([failed(500, "p is broken"), failed(None, "q cannot be reached")], "openai")
    assert (error.body, error.code) == (None, "no_model_answered")
    assert "p is broken" in error.message
    assert "q cannot be reached" in error.message


def test_retry_after_is_sent_only_if_every_provider_sent_it() -> None:
    assert no_answer_error([failed(429, wait=7.2), failed(429, wait=3.1)], "openai").headers == (("retry-after", "4"),)
    assert no_answer_error([failed(429, wait=7.2), failed(500)], "openai").headers == ()


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_an_error_is_in_the_dialect_of_the_client_although_its_provider_could_not_be_asked(dialect: Dialect) -> None:
    error = no_answer_error([UnknownProvider("p is not configured")], dialect)
    assert error.status == 503
    assert (error.body is None) == (dialect == "anthropic")  # it is made in the dialect when it is answered
    assert "p is not configured" in error.message
