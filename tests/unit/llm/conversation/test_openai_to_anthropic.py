from __future__ import annotations

import copy
from typing import Any

import pytest

from pointsman.llm.conversation.read_openai import SILENT, read_openai
from pointsman.llm.conversation.target import ANTHROPIC
from pointsman.llm.conversation.write_anthropic import write_anthropic
from pointsman.llm.providers.failure import Untranslatable
from tests.support.written_requests import to_anthropic

TOOL = {
    "type": "function",
    "function": {
        "name": "set_points",
        "description": "Sets points",
        "parameters": {"type": "object", "properties": {"at": {"type": "integer"}}},
        "strict": True,
    },
}
CONVERSATION: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief."},
    {"role": "developer", "content": [{"type": "text", "text": "Metric units."}]},
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "Where does this go?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0=", "detail": "low"}},
            {"type": "image_url", "image_url": {"url": "https://rail.example/yard.jpg"}},
            {"type": "file", "file": {"filename": "plan.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}},
        ],
        "name": "ada",
    },
    {
        "role": "assistant",
        "content": "I look.",
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "set_points", "arguments": '{"at": 3}'}},
            {"id": "c2", "type": "function", "function": {"name": "set_points", "arguments": ""}},
        ],
    },
    {"role": "tool", "tool_call_id": "c1", "content": "done"},
    {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "at is missing"}]},
    {"role": "user", "content": "And now?"},
]


def body(**fields: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": "hi"}], **fields}


def test_conversation_keeps_all_messages() -> None:
    asked = body(messages=CONVERSATION, tools=[TOOL])
    before = copy.deepcopy(asked)
    sent = to_anthropic(asked, 4096)
    assert asked == before
    assert sent["system"] == [{"type": "text", "text": "Be brief."}, {"type": "text", "text": "Metric units."}]
    assert sent["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Where does this go?"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0="}},
                {"type": "image", "source": {"type": "url", "url": "https://rail.example/yard.jpg"}},
                {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "c1", "name": "set_points", "input": {"at": 3}},
                {"type": "tool_use", "id": "c2", "name": "set_points", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "done"}]},
                {"type": "tool_result", "tool_use_id": "c2", "content": [{"type": "text", "text": "at is missing"}]},
                {"type": "text", "text": "And now?"},
            ],
        },
    ]
    assert sent["tools"] == [
        {
            "name": "set_points",
            "description": "Sets points",
            "input_schema": {"type": "object", "properties": {"at": {"type": "integer"}}},
        }
    ]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {"max_tokens": 4096}),
        ({"max_tokens": 9}, {"max_tokens": 9}),
        ({"max_tokens": 9, "max_completion_tokens": 8}, {"max_tokens": 8}),
        ({"temperature": 0.5, "top_p": 0.9, "stream": True}, {"temperature": 0.5, "stream": True}),
        ({"top_p": 0.9}, {"top_p": 0.9}),
        ({"temperature": 1.7}, {"temperature": 1}),
        ({"stop": "end"}, {"stop_sequences": ["end"]}),
        ({"stop": ["a", "b"]}, {"stop_sequences": ["a", "b"]}),
        ({"tools": [TOOL], "tool_choice": "required"}, {"tool_choice": {"type": "any"}}),
        ({"tools": [TOOL], "tool_choice": "none"}, {"tool_choice": {"type": "none"}}),
        (
            {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "set_points"}}},
            {"tool_choice": {"type": "tool", "name": "set_points"}},
        ),
        (
            {"tools": [TOOL], "parallel_tool_calls": False},
            {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}},
            {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
        ),
    ],
)
def test_settings_have_their_other_names(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    sent = to_anthropic(body(**fields), 4096)
    assert {name: sent[name] for name in expected} == expected


def test_fields_that_an_answer_is_valid_without_are_left_out_and_named_where_they_change_it() -> None:
    silent: dict[str, Any] = {"n": 1, "logprobs": False, "response_format": {"type": "text"}, "functions": None}
    heard = {"seed": 1, "frequency_penalty": 0.5, "brand_new": 1}
    asked = body(**dict.fromkeys(SILENT, "x"), **silent, **heard, logit_bias={})
    written = write_anthropic(read_openai(asked), ANTHROPIC)
    assert written.body == to_anthropic(body())
    assert sorted(written.adapted) == ["brand_new", "frequency_penalty", "seed"]


def test_messages_without_content_are_left_out_and_neighbours_put_together() -> None:
    messages = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": ""},
        {"role": "user", "content": [{"type": "text", "text": ""}, {"type": "text", "text": "b"}]},
    ]
    sent = to_anthropic(body(messages=messages), 4096)
    assert sent["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}
    ]


def message(**fields: Any) -> dict[str, Any]:
    return body(messages=[{"role": "user", "content": "hi"}, fields])


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (body(n=2), "n"),
        (body(logprobs=True), "logprobs"),
        (body(logit_bias={"1": 2}), "logit_bias"),
        (body(modalities=["text", "audio"]), "modalities"),
        (body(functions=[]), "functions"),
        (body(web_search_options={}), "web_search_options"),
        (body(response_format="json"), "response_format"),
        (body(tools=[{"type": "custom", "custom": {}}]), "tools[0].type"),
        (body(tools=[{"type": "function"}]), "tools[0].function"),
        (body(tools=[TOOL], tool_choice={"type": "allowed_tools"}), "tool_choice"),
        (body(messages="hi"), "messages"),
        (body(messages=["hi"]), "messages[0]"),
        (body(messages=[]), "messages"),
        (message(role="function", content="x"), "messages[1].role"),
        (message(role="user", content=3), "messages[1].content"),
        (message(role="user", content=[{"type": "input_audio"}]), "messages[1].content[0].type"),
        (message(role="user", content=[{"type": "text", "text": 3}]), "messages[1].content[0].text"),
        (message(role="user", content=[{"type": "image_url", "image_url": 3}]), "messages[1].content[0].image_url"),
        (
            message(role="user", content=[{"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}]),
            "messages[1].content[0].image_url.url",
        ),
        (message(role="user", content=[{"type": "file", "file": {"file_id": "f"}}]), "messages[1].content[0].file"),
        (message(role="assistant", content="x", audio={"id": "a"}), "messages[1].audio"),
        (message(role="tool", content="x"), "messages[1].tool_call_id"),
    ],
)
def test_an_unsupported_field_is_refused_by_name(asked: dict[str, Any], field: str) -> None:
    with pytest.raises(Untranslatable) as caught:
        to_anthropic(asked, 4096)
    assert caught.value.field == field
    assert caught.value.answer_status == 400
    assert caught.value.elsewhere
    assert f'"param":"{field}"'.encode() in caught.value.body
