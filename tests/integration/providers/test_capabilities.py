"""Over real sockets: what a model refuses is changed and sent again, remembered, and decides who is a candidate."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from aiohttp import web

from pointsman.contracts.config.providers import ProviderConfig
from pointsman.core.bandit import Arm
from pointsman.llm.providers.failure import ProviderError
from pointsman.llm.providers.registry import Providers
from pointsman.llm.request import ChatRequest
from tests.integration.providers.asking import ask
from tests.integration.providers.conftest import UpstreamMaker
from tests.integration.providers.mock_provider import Handler, MockProvider, responds

OK = {"id": "c", "model": "m", "choices": [{"index": 0, "message": {"content": "yes"}, "finish_reason": "stop"}]}
MESSAGE = {"id": "m", "type": "message", "content": [{"type": "text", "text": "yes"}], "stop_reason": "end_turn"}
TOOLS = [{"type": "function", "function": {"name": "t", "parameters": {"type": "object"}}}]
THOUGHT = {"type": "thinking", "thinking": "Let me see.", "signature": "foreign"}
USE = {"type": "tool_use", "id": "toolu_1", "name": "t", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "ok"}


def refuses(words: str, answer: dict[str, Any], *fields: str) -> Handler:
    """Refuse a request in these words as long as it has one of the fields, at its top level or as a header."""

    async def handle(request: web.Request) -> web.StreamResponse:
        body = msgspec.json.decode(await request.read())
        refused = any(field in body or field in request.headers for field in fields)
        return await responds({"error": {"message": words}} if refused else answer, 400 if refused else 200)(request)

    return handle


@pytest.mark.parametrize(
    ("words", "field", "request_"),
    [
        ("Unsupported value: 'temperature' does not support 0.2 with this model.", "temperature", ask(temperature=0.2)),
        ("'max_tokens' is not supported with this model. Use 'max_completion_tokens'", "max_tokens", ask(max_tokens=9)),
        ("`reasoning_effort` is not supported with this model", "reasoning_effort", ask(reasoning_effort="low")),
        (
            "parallel_tool_calls is not supported with this model",
            "parallel_tool_calls",
            ask(parallel_tool_calls=False, tools=TOOLS),
        ),
    ],
)
async def test_what_can_be_changed_is_asked_again_and_changed_from_then_on(
    mock: MockProvider, upstream: UpstreamMaker, words: str, field: str, request_: ChatRequest
) -> None:
    mock.answers = [refuses(words, OK, field)]
    arm = upstream()
    for tries in (2, 1):
        answer = await arm.open(request_)
        assert (answer.status, answer.tries) == (200, tries)
        assert answer.adapted
        assert answer.adapted[0].startswith(field)
    assert len(mock.asked) == 3
    answer = await arm.open(ask())
    assert answer.adapted == ()


async def test_a_beta_that_is_refused_is_left_out_and_others_stay(mock: MockProvider, upstream: UpstreamMaker) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        if "new" in request.headers.get("anthropic-beta", ""):
            words = "Unexpected value(s) `new-1` for the `anthropic-beta` header."
            return await responds({"error": {"message": words}}, 400)(request)
        return await responds(MESSAGE)(request)

    mock.answers = [handle]
    arm = upstream("anthropic")
    for tries in (2, 1):
        answer = await arm.open(ask(dialect="anthropic", headers={"anthropic-beta": "new-1,old-1"}))
        assert (answer.tries, answer.adapted) == (tries, ("anthropic-beta:new-1",))
        assert mock.asked[-1].headers["anthropic-beta"] == "old-1"


async def test_thinking_of_another_model_is_left_out_for_this_request_only(
    mock: MockProvider, upstream: UpstreamMaker
) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        if b"foreign" in await request.read():
            words = "messages.1.content.0: Invalid `signature` in `thinking` block"
            return await responds({"error": {"message": words}}, 400)(request)
        return await responds(MESSAGE)(request)

    mock.answers = [handle]
    arm = upstream("anthropic")
    on = {"type": "enabled", "budget_tokens": 1024}
    history: list[dict[str, Any]] = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [THOUGHT, USE]},
        {"role": "user", "content": [RESULT]},
    ]
    answer = await arm.open(ask(dialect="anthropic", messages=history, thinking=on, max_tokens=3000))
    assert (answer.tries, answer.adapted) == (2, ("thinking",))
    assert mock.sent["messages"][1]["content"] == [USE]
    assert mock.sent["thinking"] == {"type": "disabled"}
    history[1]["content"] = [{**THOUGHT, "signature": "own"}, USE]
    answer = await arm.open(ask(dialect="anthropic", messages=history, thinking=on, max_tokens=3000))
    assert (answer.tries, answer.adapted) == (1, ())
    assert mock.sent["messages"] == history


async def test_a_change_that_does_not_help_is_made_once(mock: MockProvider, upstream: UpstreamMaker) -> None:
    mock.answers = [responds({"error": {"message": "'temperature' is not supported with this model"}}, 400)]
    arm = upstream()
    with pytest.raises(ProviderError) as caught:
        await arm.open(ask(temperature=0.2))
    assert (caught.value.status, caught.value.tries) == (400, 2)
    assert arm.refusals.names() == []


async def test_an_arm_that_refused_tools_is_no_candidate_for_them(mock: MockProvider) -> None:
    mock.answers = [responds({"error": {"message": "m does not support tools"}}, 400)]
    providers = Providers([ProviderConfig(name="p", base_url=mock.url, retries=0)], {})
    arms = (Arm("p", "plain"), Arm("p", "able"))
    with_tools = ask(tools=TOOLS)
    assert providers.candidates(arms, with_tools) == arms
    with pytest.raises(ProviderError) as caught:
        await providers.upstream(arms[0]).open(with_tools)
    assert providers.refused(arms[0], caught.value, with_tools)
    assert providers.refuses(arms[0]) == ["tools"]
    assert providers.candidates(arms, with_tools) == arms[1:]
    assert providers.candidates(arms, ask()) == arms
    assert providers.candidates(arms[:1], with_tools) == arms[:1]  # no other is left
    await providers.close()


async def test_an_arm_that_cannot_express_a_request_is_no_candidate(mock: MockProvider) -> None:
    configs = [ProviderConfig(name=name, kind=name, base_url=mock.url) for name in ("openai", "anthropic")]
    providers = Providers(configs, {"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k"})
    arms = (Arm("anthropic", "m"), Arm("openai", "m"))
    assert providers.candidates(arms, ask()) == arms
    assert providers.candidates(arms, ask(n=2)) == arms[1:]
    await providers.close()
