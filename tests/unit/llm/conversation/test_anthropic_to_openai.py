from __future__ import annotations

import copy
from typing import Any

import pytest

from pointsman.llm.conversation.read_anthropic import SILENT, read_anthropic
from pointsman.llm.conversation.target import RequestTarget
from pointsman.llm.conversation.write_openai import write_openai
from pointsman.llm.providers.failure import Untranslatable
from tests.support.written_requests import to_openai

TOOL = {
    "name": "set_points",
    "description": "Sets points",
    "input_schema": {"type": "object"},
    "cache_control": {"type": "ephemeral"},
}
CONVERSATION: list[dict[str, Any]] = [
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "Where does this go?", "cache_control": {"type": "ephemeral"}},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0="}},
            {"type": "image", "source": {"type": "url", "url": "https://rail.example/yard.jpg"}},
            {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}},
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "A plan."}},
        ],
    },
    {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            {"type": "text", "text": "I "},
            {"type": "text", "text": "look."},
            {"type": "tool_use", "id": "t1", "name": "set_points", "input": {"at": 3}},
            {"type": "tool_use", "id": "t2", "name": "set_points", "input": {}},
        ],
    },
    {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "t1", "content": "done"},
            {
                "type": "tool_result",
                "tool_use_id": "t2",
                "is_error": True,
                "content": [{"type": "text", "text": "at is missing"}],
            },
            {"type": "text", "text": "And now?"},
        ],
    },
]


def body(**fields: Any) -> dict[str, Any]:
    return {"model": "m", "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}], **fields}


def test_conversation_keeps_all_messages() -> None:
    asked = body(messages=CONVERSATION, system=[{"type": "text", "text": "Be brief."}, {"type": "text", "text": "SI."}])
    before = copy.deepcopy(asked)
    sent = to_openai(asked, "max_tokens")
    assert asked == before
    assert sent["messages"] == [
        {"role": "system", "content": "Be brief.\n\nSI."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Where does this go?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0="}},
                {"type": "image_url", "image_url": {"url": "https://rail.example/yard.jpg"}},
                {
                    "type": "file",
                    "file": {"filename": "document.pdf", "file_data": "data:application/pdf;base64,JVBERi0="},
                },
                {"type": "text", "text": "A plan."},
            ],
        },
        {
            "role": "assistant",
            "content": "I look.",
            "tool_calls": [
                {"id": "t1", "type": "function", "function": {"name": "set_points", "arguments": '{"at":3}'}},
                {"id": "t2", "type": "function", "function": {"name": "set_points", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "t1", "content": "done"},
        {"role": "tool", "tool_call_id": "t2", "content": "at is missing"},
        {"role": "user", "content": "And now?"},
    ]


def test_what_a_tool_shows_comes_after_all_results() -> None:
    """As when an agent reads a picture: OpenAI's results are text, and follow their calls at once."""
    used: list[dict[str, Any]] = [{"type": "tool_use", "id": id_, "name": "f", "input": {}} for id_ in ("t1", "t2")]
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0="}}
    content = [
        {"type": "tool_result", "tool_use_id": "t1", "content": [image]},
        {"type": "tool_result", "tool_use_id": "t2", "content": [{"type": "text", "text": "yard.png"}, image]},
        {"type": "text", "text": "And now?"},
    ]
    asked = [*body()["messages"], {"role": "assistant", "content": used}, {"role": "user", "content": content}]
    sent = to_openai(body(messages=asked))
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0="}}
    assert sent["messages"][2:] == [
        {"role": "tool", "tool_call_id": "t1", "content": "(in the next message)"},
        {"role": "tool", "tool_call_id": "t2", "content": "yard.png"},
        {"role": "user", "content": [picture, picture, {"type": "text", "text": "And now?"}]},
    ]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"system": "Be brief."}, {"messages": [{"role": "system", "content": "Be brief."}, *body()["messages"]]}),
        ({"temperature": 0.5, "top_p": 0.9, "stream": True}, {"temperature": 0.5, "top_p": 0.9, "stream": True}),
        ({"stop_sequences": ["a"]}, {"stop": ["a"]}),
        (
            {"tools": [TOOL]},
            {
                "tools": [
                    {
                        "type": "function",
                        "function": {
                            "name": "set_points",
                            "description": "Sets points",
                            "parameters": {"type": "object"},
                        },
                    }
                ]
            },
        ),
        ({"tools": [TOOL], "tool_choice": {"type": "any"}}, {"tool_choice": "required"}),
        ({"tools": [TOOL], "tool_choice": {"type": "none"}}, {"tool_choice": "none"}),
        (
            {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "f"}},
            {"tool_choice": {"type": "function", "function": {"name": "f"}}},
        ),
        (
            {"tools": [TOOL], "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
            {"tool_choice": "auto", "parallel_tool_calls": False},
        ),
        (
            {"output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {"type": "object"}}}},
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": True},
                }
            },
        ),
    ],
)
def test_settings_have_their_other_names(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    sent = to_openai(body(**fields), "max_tokens")
    assert {name: sent[name] for name in expected} == expected


def test_bound_of_the_answer_has_the_name_of_the_provider() -> None:
    assert to_openai(body(), "max_tokens")["max_tokens"] == 50
    newer = to_openai(body(), "max_completion_tokens")
    assert newer["max_completion_tokens"] == 50
    assert "max_tokens" not in newer


def test_fields_that_an_answer_is_valid_without_are_left_out_and_named_where_they_change_it() -> None:
    silent = dict.fromkeys(SILENT, "x") | {"mcp_servers": None, "output_config": {"effort": "low"}}
    heard = {"thinking": {"type": "adaptive"}, "top_k": 5, "brand_new": 1}
    written = write_openai(read_anthropic(body(**silent, **heard)), RequestTarget())
    assert written.body == to_openai(body())
    assert sorted(written.adapted) == ["brand_new", "thinking", "top_k"]


def message(content: Any, role: str = "user") -> dict[str, Any]:
    return body(messages=[{"role": role, "content": content}])


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (body(mcp_servers=[{}]), "mcp_servers"),
        (body(container="c"), "container"),
        (body(system=3), "system"),
        (body(system=[{"type": "image"}]), "system[0].type"),
        (body(tools=[{"type": "web_search_20250305", "name": "web_search"}]), "tools[0].type"),
        (body(tools=[{"name": "f"}]), "tools[0].input_schema"),
        (body(tools=[TOOL], tool_choice={"type": "x"}), "tool_choice.type"),
        (body(output_config={"format": {"type": "regex"}}), "output_config.format.type"),
        (message(3), "messages[0].content"),
        (message([{"type": "image", "source": {"type": "file"}}]), "messages[0].content[0].source.type"),
        (message([{"type": "document", "source": {"type": "url", "url": "x"}}]), "messages[0].content[0].source"),
        (message([{"type": "tool_use", "id": "t", "name": "f"}], "assistant"), "messages[0].content[0].input"),
    ],
)
def test_an_unsupported_field_is_refused_by_name(asked: dict[str, Any], field: str) -> None:
    with pytest.raises(Untranslatable) as caught:
        to_openai(asked, "max_tokens")
    assert caught.value.field == field
    assert caught.value.body.startswith(b'{"type":"error"')
