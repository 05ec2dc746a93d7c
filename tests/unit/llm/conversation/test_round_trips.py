"""Any conversation in any dialect, written for any other: texts, calls, results and their order stay (Hypothesis)."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.llm.conversation.form import (
    Block,
    Options,
    RequestForm,
    Text,
    Tool,
    ToolResult,
    ToolUse,
    Turn,
)
from pointsman.llm.conversation.read_anthropic import read_anthropic
from pointsman.llm.conversation.read_openai import read_openai
from pointsman.llm.conversation.target import ANTHROPIC, RequestTarget, converse_target
from pointsman.llm.conversation.write_anthropic import write_anthropic
from pointsman.llm.conversation.write_converse import write_converse
from pointsman.llm.conversation.write_openai import write_openai

WORD = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=8)
ID = st.one_of(st.from_regex("[a-z0-9_-]{1,10}", fullmatch=True), st.text(st.characters(codec="utf-8"), max_size=80))
VALUE = st.dictionaries(WORD, st.one_of(WORD, st.integers(-(2**40), 2**40), st.booleans(), st.none()), max_size=3)


@st.composite
def conversations(draw: st.DrawFn) -> RequestForm:
    """A conversation that a client could have: each call may have its result, or not."""
    turns = [Turn(role="system", blocks=[Text(draw(WORD))])] if draw(st.booleans()) else []
    names = draw(st.lists(st.text("abc._", min_size=1, max_size=90), min_size=1, max_size=3, unique=True))
    turns.append(Turn(role="user", blocks=[Text(draw(WORD))]))
    for _ in range(draw(st.integers(0, 4))):
        calls = [
            ToolUse(id=id_, name=draw(st.sampled_from(names)), input=draw(VALUE))
            for id_ in draw(st.lists(ID, max_size=3, unique=True))
        ]
        own_text: list[Block] = [Text(draw(WORD))] if draw(st.booleans()) or not calls else []
        turns.append(Turn(role="assistant", blocks=[*own_text, *calls]))
        answered = [call for call in calls if draw(st.integers(0, 9)) > 0]
        results: list[Block] = [ToolResult(id=call.id, content=[Text(draw(WORD))]) for call in answered]
        turns.append(Turn(role="user", blocks=[*results, Text(draw(WORD))]))
    tools = [Tool(name=name, schema={"type": "object"}) for name in names]
    return RequestForm(dialect="anthropic", model="m", turns=turns, tools=tools, options=Options(), left_out=[])


def content_of(form: RequestForm) -> list[Any]:
    """What the model sees, in order, without ids: texts, calls, and results by the position of their call."""
    seen: list[Any] = []
    calls: list[str] = []
    for turn in form.turns:
        for block in turn.blocks:
            if isinstance(block, Text):
                seen += [(turn.role, word) for word in block.text.split()]
            elif isinstance(block, ToolUse):
                calls.append(block.id)
                seen.append((block.name, msgspec.json.encode(block.input)))
            elif isinstance(block, ToolResult):
                at = len(calls) - 1 - calls[::-1].index(block.id)
                seen.append((at, [part.text for part in block.content if isinstance(part, Text)]))
    return seen


def renamed(form: RequestForm, names: dict[str, str]) -> RequestForm:
    """The form with the client's names of tools."""
    for turn in form.turns:
        turn.blocks = [
            msgspec.structs.replace(block, name=names.get(block.name, block.name))
            if isinstance(block, ToolUse)
            else block
            for block in turn.blocks
        ]
    return form


def complete(form: RequestForm) -> RequestForm:
    """The form as `settle` must leave it: with a result for each call, before the texts of its turn."""
    turns: list[Turn] = []
    waiting: list[str] = []
    for turn in form.turns:
        blocks = list(turn.blocks)
        if turn.role == "user":
            given_ids = {block.id for block in blocks if isinstance(block, ToolResult)}
            missing: list[Block] = [
                ToolResult(id=id_, content=[Text("(no result)")]) for id_ in waiting if id_ not in given_ids
            ]
            results: list[Block] = [block for block in blocks if isinstance(block, ToolResult)]
            blocks = [*results, *missing, *(block for block in blocks if not isinstance(block, ToolResult))]
        waiting = [block.id for block in blocks if isinstance(block, ToolUse)]
        turns.append(Turn(role=turn.role, blocks=blocks))
    return msgspec.structs.replace(form, turns=turns)


@settings(max_examples=300, deadline=None)
@given(conversations())
def test_through_openais_dialect_and_back(form: RequestForm) -> None:
    written = write_openai(form, RequestTarget())
    assert content_of(renamed(read_openai(written.body), written.tool_names)) == content_of(complete(form))
    assert all(len(call["id"]) <= 40 for message in written.body["messages"] for call in message.get("tool_calls", []))


@settings(max_examples=300, deadline=None)
@given(conversations())
def test_through_anthropics_dialect_and_back(form: RequestForm) -> None:
    written = write_anthropic(form, ANTHROPIC)
    assert content_of(renamed(read_anthropic(written.body), written.tool_names)) == content_of(complete(form))
    messages = written.body["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant"] * (len(messages) // 2) + ["user"] * (
        len(messages) % 2
    )
    for called, answered in zip(messages[1::2], messages[2::2], strict=False):
        ids = [block["id"] for block in called["content"] if block["type"] == "tool_use"]
        results = [block["tool_use_id"] for block in answered["content"] if block["type"] == "tool_result"]
        assert sorted(ids) == sorted(results)
        assert all(re.fullmatch("[a-zA-Z0-9_-]{1,64}", id_) for id_ in ids)


@settings(max_examples=300, deadline=None)
@given(conversations())
def test_for_bedrock_nothing_is_lost(form: RequestForm) -> None:
    written = write_converse(form, converse_target("meta.llama", claude=False))
    seen: list[Any] = []
    calls: list[str] = []
    for message in written.body["messages"]:
        for block in message["content"]:
            if "text" in block:
                seen += [(message["role"], word) for word in block["text"].split()]
            elif "toolUse" in block:
                use = block["toolUse"]
                calls.append(use["toolUseId"])
                seen.append((written.tool_names.get(use["name"], use["name"]), msgspec.json.encode(use["input"])))
            else:
                result = block["toolResult"]
                seen.append((calls.index(result["toolUseId"]), [part["text"] for part in result["content"]]))
    assert seen == [part for part in content_of(complete(form)) if part[0] != "system"]
    assert len(set(calls)) == len(calls)
