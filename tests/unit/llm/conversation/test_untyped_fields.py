"""Fields of a client that should be words and are not: refused by their path before they are looked up."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.llm.conversation.form import UNREADABLE
from pointsman.llm.providers.failure import Untranslatable
from tests.support.written_requests import to_anthropic, to_converse, to_openai

ODD: list[Any] = [["text"], {"a": 1}, 10**60, True]
TOOL: dict[str, Any] = {"type": "function", "function": {"name": "f"}}
TOOLS: list[Any] = [{"name": "t", "input_schema": {}}]


def user(*parts: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(parts)}]}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize(
    ("place", "path"),
    [
        (lambda odd: {"messages": [{"role": odd, "content": "Hi"}]}, "messages[0].role"),
        (lambda odd: user({"type": odd}), "messages[0].content[0].type"),
    ],
)
def test_by_both_dialects(place: Any, path: str, odd: Any) -> None:
    with pytest.raises(Untranslatable) as refused:
        to_anthropic(place(odd), 100)
    assert refused.value.field == path
    for translate in (lambda body: to_openai(body, "max_tokens"), _to_converse):
        with pytest.raises(Untranslatable) as refused:
            translate(place(odd))
        assert refused.value.field == path


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize(
    ("place", "path"),
    [
        (lambda odd: {"system": [{"type": odd}], **user()}, "system[0].type"),
        (lambda odd: {"messages": [{"role": "assistant", "content": [{"type": odd}]}]}, "messages[0].content[0].type"),
        (
            lambda odd: user({"type": "tool_result", "tool_use_id": "a", "content": [{"type": odd}]}),
            "messages[0].content[0].content[0].type",
        ),
        (lambda odd: {"tools": [{"type": odd, "name": "t", "input_schema": {}}], **user()}, "tools[0].type"),
        (lambda odd: {"tools": TOOLS, "tool_choice": {"type": odd}, **user()}, "tool_choice.type"),
    ],
)
def test_in_parts_of_anthropics(place: Any, path: str, odd: Any) -> None:
    for translate in (lambda body: to_openai(body, "max_tokens"), _to_converse):
        with pytest.raises(Untranslatable) as refused:
            translate(place(odd))
        assert refused.value.field == path


def test_an_error_repeats_little_of_what_was_sent() -> None:
    with pytest.raises(Untranslatable) as refused:
        to_anthropic(user({"type": "x" * 10_000}), 100)
    assert len(refused.value.text) < 200


@pytest.mark.parametrize("depth", [200, 900, 50_000])
def test_arguments_in_a_string_have_the_same_limit_on_nesting(depth: int) -> None:
    call = {"id": "c", "function": {"name": "f", "arguments": '{"a":' + "[" * depth + "]" * depth + "}"}}
    sent = to_anthropic({"messages": [{"role": "assistant", "tool_calls": [call]}], "tools": [TOOL]})
    assert sent["messages"][1]["content"][0]["input"] == {UNREADABLE: call["function"]["arguments"]}  # type: ignore[index]  # a dict


def _to_converse(body: dict[str, Any]) -> dict[str, Any]:
    return to_converse(body, "m")
