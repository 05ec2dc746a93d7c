"""How many arms are tried, and what is remembered of those that refused."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.core.bandit import Arm
from pointsman.llm.answers.recorder import CompletionRecorder
from pointsman.llm.providers.answer.complete import CompleteAnswer
from pointsman.llm.providers.failure import ProviderError, Untranslatable
from pointsman.llm.providers.faults.fault import Fault, Verdict
from pointsman.llm.providers.registry import Providers
from pointsman.llm.request import ChatRequest
from pointsman_gateway.chat.attempts import Attempts
from pointsman_gateway.chat.errors import ChatError

A, B, C, D = (Arm("p", name) for name in "abcd")
REQUEST = ChatRequest("openai", {"messages": [], "tools": [{}]}, b"{}", "m")


def refused(fault: Fault, *features: str) -> ProviderError:
    return ProviderError("status", f"p: {fault.value}", status=400, verdict=Verdict(fault, features=features))


class ScriptedProviders(Providers):
    """Each arm raises its error, or answers."""

    def __init__(self, errors: dict[Arm, ProviderError]) -> None:
        super().__init__([], {})
        self.errors = errors
        self.asked: list[Arm] = []
        self.remembered: list[Arm] = []

    def upstream(self, arm: Arm, dialect: Any = "openai") -> Any:
        return ScriptedUpstream(self, arm)

    def refused(self, arm: Arm, error: ProviderError, request: ChatRequest) -> bool:
        self.remembered.append(arm)
        return bool(error.verdict.features)


class ScriptedUpstream:
    def __init__(self, providers: ScriptedProviders, arm: Arm) -> None:
        self._providers = providers
        self._arm = arm

    async def reserve(self, _: ChatRequest) -> None:
        pass

    async def open(self, _: ChatRequest, __: None) -> CompleteAnswer:
        self._providers.asked.append(self._arm)
        if self._arm in self._providers.errors:
            raise self._providers.errors[self._arm]
        return CompleteAnswer(200, {}, b"{}", CompletionRecorder())


async def served(errors: dict[Arm, ProviderError], max_attempts: int = 2) -> tuple[ScriptedProviders, Attempts]:
    providers = ScriptedProviders(errors)
    attempts = Attempts(providers, REQUEST, [A, B, C, D], max_attempts)
    try:
        await attempts.serve()
    except ChatError as error:
        assert error.status == 400
    return providers, attempts


async def test_an_arm_that_cannot_express_the_request_takes_no_other_ones_place() -> None:
    errors: dict[Arm, ProviderError] = {arm: Untranslatable("n", "expected 1") for arm in (A, B, C)}
    _, attempts = await served(errors)
    assert attempts.served == D


@pytest.mark.parametrize(
    ("fault", "asked"), [(Fault.REQUEST, [A]), (Fault.UNCLEAR, [A, B]), (Fault.MODEL, [A, B, C, D])]
)
async def test_how_many_are_asked_depends_on_the_fault(fault: Fault, asked: list[Arm]) -> None:
    providers, attempts = await served({arm: refused(fault) for arm in (A, B, C, D)}, max_attempts=4)
    assert providers.asked == asked
    assert attempts.request_faulty
    assert providers.remembered == []  # no arm has shown that the request was right


async def test_what_an_arm_refused_is_remembered_when_another_answers() -> None:
    providers, attempts = await served({A: refused(Fault.MODEL, "tools")})
    assert (attempts.served, providers.remembered, attempts.excused) == (B, [A], True)
    providers, attempts = await served({A: refused(Fault.MODEL)})
    assert (attempts.served, providers.remembered, attempts.excused) == (B, [A], False)
