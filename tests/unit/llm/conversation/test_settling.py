"""What clients send and providers refuse, once it is written for another dialect."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from pointsman.llm.conversation.form import UNREADABLE
from pointsman.llm.conversation.read_anthropic import read_anthropic
from pointsman.llm.conversation.read_openai import read_openai
from pointsman.llm.conversation.target import ANTHROPIC, RequestTarget, converse_target
from pointsman.llm.conversation.write_anthropic import write_anthropic
from pointsman.llm.conversation.write_converse import write_converse
from pointsman.llm.conversation.write_openai import write_openai
from tests.support.written_requests import to_anthropic, to_converse, to_openai

CLAUDE, LLAMA, NOVA = "us.anthropic.claude-sonnet-4-5-v1:0", "meta.llama3-1-70b-instruct-v1:0", "amazon.nova-lite-v1:0"
ASK: list[dict[str, Any]] = [{"role": "user", "content": "Hi"}]
TOOL: dict[str, Any] = {"name": "Read", "input_schema": {"type": "object"}}
OPENAI_TOOL: dict[str, Any] = {"type": "function", "function": {"name": "Read", "parameters": {"type": "object"}}}


def called(*ids: str, name: str = "Read", arguments: str = "{}") -> dict[str, Any]:
    calls = [{"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}} for id_ in ids]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def result(id_: str, content: Any = "ok") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id_, "content": content}


def used(id_: str = "t1", **fields: Any) -> dict[str, Any]:
    block = {"type": "tool_use", "id": id_, "name": "Read", "input": {"path": "a"}, **fields}
    return {"role": "assistant", "content": [block]}


def returned(content: Any, id_: str = "t1") -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": id_, "content": content}]}


def blocks(sent: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [block for message in sent["messages"] for block in message["content"] if block["type"] == kind]


@pytest.mark.parametrize("content", ["Plan mode.", [{"type": "text", "text": "Plan mode."}]])
@pytest.mark.parametrize("after", [[], [{"role": "user", "content": "Go"}]])
def test_system_turn_between_the_others_stays_in_its_place(content: Any, after: list[dict[str, Any]]) -> None:
    messages = [*ASK, {"role": "system", "content": content}, *after]
    end = "\n\nGo" if after else ""
    assert to_openai({"messages": messages})["messages"] == [
        {"role": "user", "content": f"Hi\n\n<system>\nPlan mode.\n</system>{end}"}
    ]
    texts = [block["text"] for block in to_converse({"messages": messages}, LLAMA)["messages"][0]["content"]]
    assert texts[:2] == ["Hi", "<system>\nPlan mode.\n</system>"]
    assert "system" not in to_anthropic({"messages": messages})


@pytest.mark.parametrize(
    "ids",
    [
        ["functions.Bash:0", "functions.Bash:0"],
        ["call 1", "call_1|fc_2"],
        ["x" * 90, "x" * 91],
        ["a.b", "a:b"],
        ["", "ü"],
    ],
)
def test_ids_of_calls_are_replaced_one_to_one_and_stay_the_same_in_later_turns(ids: list[str]) -> None:
    messages = [*ASK]
    for turn, id_ in enumerate(ids):
        messages += [called(id_), result(id_, f"result {turn}")]
    body = {"messages": messages, "tools": [OPENAI_TOOL]}
    sent = to_anthropic(body)
    calls = [block["id"] for block in blocks(sent, "tool_use")]
    assert [block["tool_use_id"] for block in blocks(sent, "tool_result")] == calls
    assert len(set(calls)) == len(ids)
    assert all(re.fullmatch("[a-zA-Z0-9_-]{1,64}", id_) for id_ in calls)
    later = to_anthropic({**body, "messages": [*messages, called("next"), result("next")]})
    assert [block["id"] for block in blocks(later, "tool_use")] == [*calls, "next"]


def test_good_ids_stay() -> None:
    body = {"messages": [*ASK, called("call_1", "call_2"), result("call_2"), result("call_1")], "tools": [OPENAI_TOOL]}
    sent = to_anthropic(body)
    assert [block["id"] for block in blocks(sent, "tool_use")] == ["call_1", "call_2"]
    assert [block["tool_use_id"] for block in blocks(sent, "tool_result")] == ["call_2", "call_1"]


def test_every_call_has_its_result_in_the_turn_after_it_and_every_result_its_call() -> None:
    messages = [
        *ASK,
        called("a", "b"),
        {"role": "user", "content": "Wait"},
        result("b", "late"),
        {"role": "assistant", "content": "Well."},
        result("gone", "of a call that was cut away"),
        called("c"),
    ]
    sent = to_anthropic({"messages": messages, "tools": [OPENAI_TOOL]})["messages"]
    assert [message["role"] for message in sent] == [
        "user",
        "assistant",
        "user",
        "assistant",
        "user",
        "assistant",
        "user",
    ]
    kinds = [[block["type"] for block in message["content"]] for message in sent]
    assert kinds[2] == ["tool_result", "tool_result", "text"]
    assert [(b["tool_use_id"], b.get("is_error")) for b in sent[2]["content"][:2]] == [("b", None), ("a", True)]
    assert "of a call that was cut away" in sent[4]["content"][0]["text"]
    assert sent[6]["content"][0]["is_error"] is True


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ('{"path":', {UNREADABLE: '{"path":'}),
        ("[]", {UNREADABLE: "[]"}),
        ("null", {UNREADABLE: "null"}),
        ('{"a":1}{"b":2}', {UNREADABLE: '{"a":1}{"b":2}'}),
        ('"a.txt"', {UNREADABLE: '"a.txt"'}),
        ("", {}),
        ('{"a":1}', {"a": 1}),
    ],
)
def test_arguments_of_an_earlier_call_that_are_no_object_do_not_end_the_conversation(
    arguments: str, expected: dict[str, Any]
) -> None:
    body = {"messages": [*ASK, called("c", arguments=arguments), result("c")], "tools": [OPENAI_TOOL]}
    assert blocks(to_anthropic(body), "tool_use")[0]["input"] == expected
    converse = to_converse(body, LLAMA, "openai")
    assert converse["messages"][1]["content"][0]["toolUse"]["input"] == expected


FOUND = {
    "type": "search_result",
    "source": "https://rail.example",
    "title": "T",
    "content": [{"type": "text", "text": "X"}],
}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([{"type": "tool_reference", "tool_name": "mcp__x__y"}], "mcp__x__y"),
        ([FOUND], "X\nT\nhttps://rail.example"),
        ([{"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "X"}]}}], "X"),
        ([{"type": "text", "text": "A"}, {"type": "hologram", "data": "AAAA"}], "A"),
        ([{"type": "hologram", "data": "AAAA"}], ""),
    ],
)
def test_blocks_of_unknown_kinds_in_a_result_are_the_text_in_them(content: Any, text: str) -> None:
    body = {"messages": [*ASK, used(), returned(content)], "tools": [TOOL]}
    assert to_openai(body)["messages"][-1] == {"role": "tool", "tool_call_id": "t1", "content": text}
    to_converse(body, LLAMA)


def test_blocks_of_unknown_kinds_in_earlier_turns_are_the_text_in_them() -> None:
    earlier = [
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "x"}},
        {
            "type": "web_search_tool_result",
            "tool_use_id": "s",
            "content": [{"title": "FOUND", "encrypted_content": "x"}],
        },
        {"type": "compaction", "content": "SUMMARY"},
        {"type": "hologram", "data": "x"},
        {"type": "text", "text": "PLAIN"},
    ]
    sent = to_openai({"messages": [*ASK, {"role": "assistant", "content": earlier}, *ASK]})
    assert sent["messages"][1] == {"role": "assistant", "content": "web_searchFOUNDSUMMARYPLAIN"}


def test_contents_for_openais_dialect_are_strings_where_a_string_is_enough() -> None:
    content = [{"type": "text", "text": ""}, {"type": "text", "text": "A"}, {"type": "text", "text": "B"}]
    sent = to_openai({"messages": [*ASK, used(), returned(content), {"role": "user", "content": content}]})["messages"]
    assert [message["content"] for message in sent] == ["Hi", "", "A\n\nB", "A\n\nB"]


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([*ASK, {"role": "assistant", "content": "\n"}, *ASK], [("user", ["Hi", "Hi"])]),
        ([{"role": "user", "content": " "}], [("user", ["(no text)"])]),
        ([*ASK, {"role": "assistant", "content": "Sure, "}], [("user", ["Hi"]), ("assistant", ["Sure,"])]),
        ([{"role": "assistant", "content": "Hello"}], [("user", ["(continued)"]), ("assistant", ["Hello"])]),
        ([{"role": "system", "content": "S"}], [("user", ["(no text)"])]),
        (
            [{"role": "user", "content": [{"type": "text", "text": " "}, {"type": "text", "text": "A"}]}],
            [("user", ["A"])],
        ),
    ],
)
def test_blank_texts_are_left_out_and_the_user_begins(
    messages: list[dict[str, Any]], expected: list[tuple[str, list[str]]]
) -> None:
    sent = to_anthropic({"messages": messages})["messages"]
    assert [(message["role"], [block["text"] for block in message["content"]]) for message in sent] == expected
    converse = to_converse({"messages": messages}, LLAMA, "openai")["messages"]
    assert [(message["role"], [block["text"] for block in message["content"]]) for message in converse] == expected


def test_blank_result_of_a_tool() -> None:
    body = {"messages": [*ASK, called("c"), result("c", " \n")], "tools": [OPENAI_TOOL]}
    assert blocks(to_anthropic(body), "tool_result") == [{"type": "tool_result", "tool_use_id": "c"}]
    sent = to_converse(body, LLAMA, "openai")["messages"][-1]["content"]
    assert sent == [{"toolResult": {"toolUseId": "c", "content": [{"text": "(no result)"}]}}]


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({}, {"type": "object"}),
        ({"properties": {"a": {}}}, {"type": "object", "properties": {"a": {}}}),
        ({"type": ["object", "null"]}, {"type": "object"}),
        (
            {"$ref": "#/$defs/a", "$defs": {"a": {"type": "object", "properties": {"b": {}}}}},
            {"type": "object", "properties": {"b": {}}, "$defs": {"a": {"type": "object", "properties": {"b": {}}}}},
        ),
        (
            {
                "anyOf": [
                    {"properties": {"a": {}}, "required": ["a"]},
                    {"properties": {"b": {}}, "required": ["a", "b"]},
                ]
            },
            {"type": "object", "properties": {"a": {}, "b": {}}, "required": ["a"]},
        ),
        (
            {"allOf": [{"properties": {"a": {}}, "required": ["a"]}, {"properties": {"b": {}}, "required": ["b"]}]},
            {"type": "object", "properties": {"a": {}, "b": {}}, "required": ["a", "b"]},
        ),
    ],
)
def test_schema_of_arguments_is_an_object_at_its_top(schema: dict[str, Any], expected: dict[str, Any]) -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}
    before = msgspec.json.encode(schema)
    assert to_anthropic({"messages": ASK, "tools": [tool]})["tools"][0]["input_schema"] == expected
    spec = to_converse({"messages": ASK, "tools": [tool]}, LLAMA, "openai")["toolConfig"]["tools"][0]["toolSpec"]
    assert spec["inputSchema"]["json"] == expected
    assert msgspec.json.encode(schema) == before


LONG, ALIKE, DOTTED = "mcp__" + "a" * 80, "mcp__" + "a" * 79 + "b", "mcp__files.v2__read"


@pytest.mark.parametrize("write", ["openai", "converse"])
def test_names_of_tools_are_shortened_one_to_one_everywhere(write: str) -> None:
    own = [LONG, ALIKE, DOTTED, "Read"]
    body = {
        "messages": [*ASK, used(name=LONG), returned("ok")],
        "tools": [{**TOOL, "name": name} for name in own],
        "tool_choice": {"type": "tool", "name": DOTTED},
    }
    if write == "openai":
        written = write_openai(read_anthropic(body), RequestTarget())
        sent = [tool["function"]["name"] for tool in written.body["tools"]]
        choice = written.body["tool_choice"]["function"]["name"]
        call = written.body["messages"][1]["tool_calls"][0]["function"]["name"]
    else:
        written = write_converse(read_anthropic(body), converse_target(LLAMA, claude=False))
        sent = [tool["toolSpec"]["name"] for tool in written.body["toolConfig"]["tools"]]
        choice = written.body["toolConfig"]["toolChoice"]["tool"]["name"]
        call = written.body["messages"][1]["content"][0]["toolUse"]["name"]
    assert all(re.fullmatch("[a-zA-Z0-9_-]{1,64}", name) for name in sent)
    assert sent[3] == "Read"
    assert (call, choice) == (sent[0], sent[2])
    assert written.tool_names == dict(zip(sent[:3], own[:3], strict=True))


CACHE = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (CLAUDE, {"system": "1h", "messages": "1h", "tools": "1h"}),
        (NOVA, {"system": None, "messages": None}),
        (LLAMA, {}),
    ],
)
def test_cache_marks_go_where_bedrocks_model_has_a_use_for_them(model: str, expected: dict[str, str | None]) -> None:
    marked = [{"type": "text", "text": "Hi", **CACHE}]
    body = {
        "system": [{"type": "text", "text": "S", **CACHE}],
        "messages": [{"role": "user", "content": marked}],
        "tools": [{**TOOL, **CACHE}],
    }
    sent = to_converse(body, model)
    places = {
        "system": sent["system"],
        "messages": sent["messages"][0]["content"],
        "tools": sent["toolConfig"]["tools"],
    }
    found = {
        name: block["cachePoint"].get("ttl")
        for name, place in places.items()
        for block in place
        if "cachePoint" in block
    }
    assert found == expected


def test_cache_marks_of_openais_clients_reach_claude() -> None:
    body = {
        "messages": [
            {"role": "system", "content": [{"type": "text", "text": "S", **CACHE}]},
            {"role": "user", "content": "Hi", "cache_control": {"type": "ephemeral"}},
        ],
        "tools": [{**OPENAI_TOOL, **CACHE}],
    }
    sent = to_anthropic(body)
    assert sent["system"][0]["cache_control"] == CACHE["cache_control"]
    assert sent["messages"][0]["content"][0]["cache_control"] == {"type": "ephemeral"}
    assert sent["tools"][0]["cache_control"] == CACHE["cache_control"]


@pytest.mark.parametrize("fields", [{}, {"tools": []}, {"tools": [TOOL], "tool_choice": {"type": "none"}}])
def test_calls_are_text_where_bedrock_must_not_call(fields: dict[str, Any]) -> None:
    """Converse refuses calls without tools, and has no way to forbid them."""
    messages = [*ASK, used(), returned("FOUND"), {"role": "user", "content": "Summarise."}]
    sent = to_converse({"messages": messages, **fields}, LLAMA)
    assert "toolConfig" not in sent
    texts = [block["text"] for message in sent["messages"] for block in message["content"]]
    assert texts == ["Hi", '(called Read with {"path":"a"})', "(result of a tool: FOUND)", "Summarise."]


ON = {"type": "enabled", "budget_tokens": 1024}


@pytest.mark.parametrize(
    ("thought", "sent_thinking", "kinds"),
    [
        ({"type": "thinking", "thinking": "hm", "signature": "s"}, ON, ["reasoningContent", "toolUse"]),
        ({"type": "thinking", "thinking": "hm", "signature": ""}, None, ["toolUse"]),
        (None, None, ["toolUse"]),
    ],
)
def test_thinking_that_claude_did_not_sign_is_left_out_and_then_it_does_not_think(
    thought: dict[str, Any] | None, sent_thinking: dict[str, Any] | None, kinds: list[str]
) -> None:
    turn = used()
    if thought:
        turn["content"].insert(0, thought)
    body = {"messages": [*ASK, turn, returned("ok")], "tools": [TOOL], "thinking": ON}
    written = write_converse(read_anthropic(body), converse_target(CLAUDE, claude=True))
    assert written.body.get("additionalModelRequestFields", {}).get("thinking") == sent_thinking
    assert [next(iter(block)) for block in written.body["messages"][1]["content"]] == kinds
    assert written.adapted == (() if sent_thinking else ("thinking",))


def test_json_is_asked_for_in_words_where_there_is_no_such_format() -> None:
    body = {"messages": ASK, "response_format": {"type": "json_object"}}
    written = write_anthropic(read_openai(body), ANTHROPIC)
    assert written.body["system"] == [{"type": "text", "text": "Answer with one JSON object and nothing else."}]
    assert written.adapted == ("response_format",)
