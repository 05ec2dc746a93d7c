from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.features import RequestView, chat_features, view_request
from pointsman.core.features.request_view import MAX_EXCERPT_CHARS, MAX_PARTS, Dialect, excerpt
from tests.unit.core.features.requests import anthropic_loop, ask, openai_loop

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
PART = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["text", "tool_use", "tool_result", "image", "image_url", "file"]) | JSON,
        "text": st.text(max_size=5) | JSON,
        "content": JSON,
        "input": JSON,
    },
)
MESSAGE = st.fixed_dictionaries(
    {},
    optional={
        "role": st.sampled_from(["user", "assistant", "system", "developer", "tool", "function"]) | JSON,
        "content": st.text(max_size=5) | st.lists(PART | JSON, max_size=3) | JSON,
        "tool_calls": st.lists(st.fixed_dictionaries({}, optional={"function": JSON}) | JSON, max_size=2) | JSON,
        "function_call": JSON,
    },
)
ODD_BODY = st.fixed_dictionaries(
    {},
    optional={
        "messages": st.lists(MESSAGE | JSON, max_size=4) | JSON,
        **dict.fromkeys(
            ("system", "tools", "functions", "stream", "max_tokens", "max_completion_tokens", "response_format"), JSON
        ),
        **dict.fromkeys(("tool_choice", "reasoning_effort", "reasoning", "thinking", "output_config"), JSON),
        "output_format": JSON,
    },
)


def test_both_dialects_look_the_same() -> None:
    openai, anthropic = view_request(openai_loop(3), "openai"), view_request(anthropic_loop(3), "anthropic")
    differ = {"dialect", "messages", "max_tokens"}  # OpenAI's system prompt is a message, and each result is one
    for name in RequestView.__dataclass_fields__:
        if name not in differ:
            assert getattr(openai, name) == getattr(anthropic, name), name
    assert chat_features(openai) == chat_features(anthropic)


def test_an_agents_loop_is_seen_for_what_it_is() -> None:
    view = view_request(openai_loop(3), "openai")
    assert view.last_user_text.startswith("Fix the failing tests")
    assert view.latest_text.startswith("def f(self)")
    assert (view.messages, view.turns, view.tools, view.tool_calls, view.tool_results) == (8, 1, 12, 3, 3)
    assert view.tool_result_last
    assert view.stream
    assert view.system_chars == 200 * 24
    result, asked, arguments = 50 * len("def f(self):\n    return g() == 3\n"), len(view.last_user_text), 16
    assert view.text_chars == 200 * 24 + asked + 3 * (result + arguments)


def test_once_the_user_speaks_again_no_result_is_last() -> None:
    body = openai_loop(2)
    body["messages"].append({"role": "user", "content": "Thanks!"})
    view = view_request(body, "openai")
    assert not view.tool_result_last
    assert (view.last_user_text, view.latest_text, view.turns, view.tool_results) == ("Thanks!", "Thanks!", 2, 2)


def test_a_message_of_results_alone_is_not_a_user_message() -> None:
    view = view_request(anthropic_loop(2), "anthropic")
    assert view.last_user_text.startswith("Fix")
    assert view.turns == 1


def test_the_texts_of_all_parts_are_one_text() -> None:
    parts = [{"type": "text", "text": "Look:"}, {"type": "image_url", "image_url": {"url": "data:"}}, {"text": "what?"}]
    view = view_request({"messages": [{"role": "user", "content": parts}]}, "openai")
    assert view.last_user_text == "Look:\nwhat?"
    assert (view.images, view.files, view.text_chars) == (1, 0, 10)


def test_older_forms_count_too() -> None:
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "3"},
    ]
    view = view_request({"messages": messages, "functions": [{"name": "f"}]}, "openai")
    assert (view.system_chars, view.tools, view.tool_calls, view.tool_results) == (9, 1, 1, 1)
    assert view.tool_result_last


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({}, False),
        ({"response_format": {"type": "text"}}, False),
        ({"response_format": {"type": "json_object"}}, True),
        ({"response_format": {"type": "json_schema", "json_schema": {}}}, True),
        ({"output_config": {"effort": "low"}}, False),
        ({"output_config": {"format": {"type": "json_schema"}}}, True),
        ({"output_format": {"type": "json_schema"}}, True),
        ({"tool_choice": "auto"}, False),
        ({"tool_choice": "required"}, True),
        ({"tool_choice": {"type": "auto"}}, False),
        ({"tool_choice": {"type": "any"}}, True),
        ({"tool_choice": {"type": "tool", "name": "f"}}, True),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, True),
    ],
)
def test_a_form_of_the_answer_that_is_asked_for_is_seen(more: dict[str, Any], wanted: bool) -> None:
    assert view_request(ask("Hi", **more), "openai").json_mode is wanted


@pytest.mark.parametrize(
    ("more", "effort"),
    [
        ({}, 0.0),
        ({"reasoning_effort": "low"}, 0.3),
        ({"reasoning_effort": "high"}, 1.0),
        ({"reasoning_effort": "unheard of"}, 0.0),
        ({"reasoning": {"effort": "medium"}}, 0.6),
        ({"output_config": {"effort": "max"}}, 1.0),
        ({"thinking": {"type": "enabled", "budget_tokens": 4000}}, 0.25),
        ({"thinking": {"type": "enabled", "budget_tokens": 64000}}, 1.0),
        ({"thinking": {"type": "enabled", "budget_tokens": -5}}, 0.0),
        ({"thinking": {"type": "disabled", "budget_tokens": 4000}}, 0.0),
        ({"thinking": {"type": "adaptive"}}, 0.6),
    ],
)
def test_an_effort_that_is_asked_for_is_seen(more: dict[str, Any], effort: float) -> None:
    assert view_request(ask("Hi", **more), "openai").effort == effort


def test_the_longest_answer_is_seen_by_either_name() -> None:
    assert view_request(ask("Hi", max_tokens=5), "openai").max_tokens == 5
    assert view_request(ask("Hi", max_tokens=5, max_completion_tokens=7), "openai").max_tokens == 7
    assert view_request(ask("Hi", max_tokens=True), "openai").max_tokens is None


def test_tokens_go_by_bytes_and_add_tools_and_pictures() -> None:
    assert view_request(ask("x" * 400), "openai").tokens == 100
    assert view_request(ask("語" * 400), "openai").tokens == 300
    assert view_request(ask("x" * 400, tools=[{}, {}]), "openai").tokens == 100 + 2 * 150
    image = {"messages": [{"role": "user", "content": [{"type": "image", "source": {}}]}]}
    assert view_request(image, "anthropic").tokens == 1000


@given(ODD_BODY, st.sampled_from(["openai", "anthropic"]))
def test_whatever_a_body_holds_it_can_be_viewed(body: dict[str, Any], dialect: Dialect) -> None:
    before = repr(body)
    features = chat_features(view_request(body, dialect))
    assert len(features) == 12
    assert all(0.0 <= value <= 1.0 for value in features)
    assert repr(body) == before


def test_a_lone_surrogate_is_text_like_any_other() -> None:
    assert view_request(json.loads('{"messages": [{"role": "user", "content": "a\\ud800"}]}'), "openai").text_chars == 2


def test_results_within_results_are_not_followed_down() -> None:
    content: Any = "deep"
    for _ in range(5000):
        content = [{"type": "tool_result", "content": content}]
    view = view_request({"messages": [{"role": "user", "content": content}]}, "anthropic")
    assert view.tool_results == 2


def test_only_the_newest_messages_and_parts_are_looked_at() -> None:
    many = {"messages": [{"role": "user", "content": f"{at}"} for at in range(10 * MAX_PARTS)]}
    view = view_request(many, "openai")
    assert (view.messages, view.turns, view.last_user_text) == (10 * MAX_PARTS, MAX_PARTS, f"{10 * MAX_PARTS - 1}")
    parts = {"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}] * 10 * MAX_PARTS}], "system": "S"}
    view = view_request(parts, "anthropic")
    assert view.text_chars == MAX_PARTS  # one for the message itself, and one of the system
    assert view.system_chars == 1


def test_an_excerpt_has_the_beginning_and_the_end() -> None:
    assert excerpt("x" * MAX_EXCERPT_CHARS) == "x" * MAX_EXCERPT_CHARS
    long = excerpt("beginning " + "x" * 10 * MAX_EXCERPT_CHARS + " end")
    assert long.startswith("beginning ")
    assert long.endswith(" end")
    assert len(long) == MAX_EXCERPT_CHARS + 1
