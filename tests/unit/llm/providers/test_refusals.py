"""What a model refuses is remembered until it expires or is refuted, and only where the request shows what it was."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from pointsman.llm.providers.capabilities import refusals as module
from pointsman.llm.providers.capabilities.refusals import EXPIRY_S, MAX_REMEMBERED, MAX_UNEXPLAINED, Refusals
from pointsman.llm.providers.capabilities.requirements import requirements
from pointsman.llm.providers.dialects.errors import ProviderErrorBody
from pointsman.llm.providers.failure import ProviderError
from pointsman.llm.providers.faults.judge import judge_response
from pointsman.llm.request import ChatRequest, Dialect

TOOLS: dict[str, Any] = {"tools": [{"name": "t"}]}
IMAGE = {"type": "image", "source": {}}


def request(dialect: Dialect = "anthropic", **more: Any) -> ChatRequest:
    body = {"messages": [{"role": "user", "content": "Hi"}], **more}
    return ChatRequest(dialect, body, msgspec.json.encode(body), "m")


def user(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(blocks)}]}


def refusal(text: str) -> ProviderError:
    verdict = judge_response(400, ProviderErrorBody(text), changed=False)
    return ProviderError("status", text, status=400, verdict=verdict)


@pytest.mark.parametrize(
    ("body", "needed"),
    [
        ({}, set()),
        (TOOLS, {"tools"}),
        ({**TOOLS, "tool_choice": {"type": "auto"}}, {"tools"}),
        ({**TOOLS, "tool_choice": "required"}, {"tools", "tool_choice"}),
        ({"functions": [{"name": "t"}]}, {"tools"}),
        (user(IMAGE), {"images"}),
        (user({"type": "image_url"}), {"images"}),
        (user({"type": "tool_result", "content": [IMAGE]}), {"images"}),
        (user({"type": "document"}), {"documents"}),
        (user({"type": "file"}), {"documents"}),
        (user({"type": "input_audio"}), {"audio"}),
        ({"response_format": {"type": "json_schema"}}, {"json_schema"}),
        ({"response_format": {"type": "json_object"}}, {"json_object"}),
        ({"output_config": {"format": {"type": "json_schema"}}}, {"json_schema"}),
        ({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "{"}]}, {"prefill"}),
        ({"n": 2, "stop": ["x"], "logprobs": True}, {"n", "stop", "logprobs"}),
        ({"messages": "odd", "tools": [], "n": 1, "response_format": "odd"}, set()),
    ],
)
def test_requirements_of_a_request(body: dict[str, Any], needed: set[str]) -> None:
    assert requirements(request(**body)) == needed


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("this model does not support tools", TOOLS),
        ('"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set', TOOLS),
        ("m is not a multimodal model", user(IMAGE)),
        ("This response_format type is unavailable now", {"response_format": {"type": "json_object"}}),
        ("prompt is too long: 210000 tokens > 200000 maximum", user({"type": "text", "text": "long " * 10_000})),
        ("max_tokens: 64000 > 8192, which is the maximum allowed number of output tokens", {"max_tokens": 64000}),
    ],
)
def test_a_model_is_no_candidate_for_what_it_refused(text: str, body: dict[str, Any]) -> None:
    refusals = Refusals()
    assert refusals.refused(refusal(text), request(**body))
    assert refusals.excludes(request(**body)) is not None
    assert refusals.excludes(request()) is None


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("this model does not support tools", {}),
        ("image/heic is not a supported media type for images", user(IMAGE)),
        ("unknown variant `critic`, expected one of `system`, `tool`", TOOLS),
        ("prompt is too long", {}),
        ("max_tokens: 64000 > 8192, which is the maximum allowed number of output tokens", {"max_tokens": 100}),
        ("no", TOOLS),
    ],
)
def test_what_the_request_does_not_show_is_not_remembered(text: str, body: dict[str, Any]) -> None:
    refusals = Refusals()
    assert not refusals.refused(refusal(text), request(**body))
    assert refusals.names() == []


def test_a_limit_of_length_excludes_what_is_as_long() -> None:
    refusals = Refusals()
    refusals.refused(refusal("max_tokens: 9000 > 8192, which is the maximum allowed"), request(max_tokens=9000))
    assert refusals.excludes(request(max_tokens=8000)) is None
    assert refusals.excludes(request(max_tokens=9000)) == "output_length"
    refusals.refused(refusal("max_tokens: 8500 > 8192, which is the maximum allowed"), request(max_tokens=8500))
    assert refusals.excludes(request(max_tokens=8500)) == "output_length"


def test_an_answer_refutes_a_refusal() -> None:
    refusals = Refusals()
    refusals.refused(refusal("this model does not support tools"), request(**TOOLS))
    refusals.served(request())
    assert refusals.names() == ["tools"]
    refusals.served(request(**TOOLS))
    assert refusals.names() == []


def test_refusals_expire(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 1000.0
    monkeypatch.setattr(module, "monotonic", lambda: now_s)
    refusals = Refusals()
    refusals.adapted(["temperature"])
    refusals.refused(refusal("this model does not support tools"), request(**TOOLS))
    now_s += EXPIRY_S - 1.0
    assert refusals.adaptations() == ("temperature",)
    now_s += 1.0
    assert refusals.adaptations() == ()
    assert refusals.excludes(request(**TOOLS)) is None


def test_no_more_than_so_many_are_remembered() -> None:
    refusals = Refusals()
    refusals.adapted([f"anthropic-beta:b{at}" for at in range(2 * MAX_REMEMBERED)])
    assert len(refusals.names()) == MAX_REMEMBERED


def test_a_model_that_answers_no_client_of_a_dialect_gets_no_more_of_their_requests() -> None:
    """In words that are not known, for requests that the gateway has translated: other clients are not concerned."""
    refusals = Refusals()
    verdict = judge_response(400, ProviderErrorBody("expected a string"), changed=True)
    error = ProviderError("status", "expected a string", status=400, verdict=verdict)
    for _ in range(MAX_UNEXPLAINED - 1):
        assert not refusals.refused(error, request())
    refusals.served(request())
    for _ in range(MAX_UNEXPLAINED - 1):
        assert not refusals.refused(error, request())
    assert refusals.excludes(request()) is None
    assert refusals.refused(error, request())
    assert refusals.excludes(request()) == "clients of anthropic"
    assert refusals.excludes(request("openai")) is None
    assert refusals.adaptations() == ()
    refusals.served(request())
    assert refusals.names() == []
