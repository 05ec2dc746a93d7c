"""Requests are changed for models that lack a feature; nothing else in them changes, and nothing in place."""

from __future__ import annotations

import copy
from typing import Any

import msgspec
import pytest
from multidict import CIMultiDict
from yarl import URL

from pointsman.llm.providers.capabilities.adaptations import ADAPTATIONS
from pointsman.llm.providers.capabilities.changes import MAX_CHANGES, Changes
from pointsman.llm.providers.failure import ProviderError
from pointsman.llm.providers.faults.fault import Fault, Verdict
from pointsman.llm.providers.faults.wordings import FEATURES
from pointsman.llm.providers.kinds.wire import ProviderRequest

HI = {"role": "user", "content": "Hi"}
TEXT = {"type": "text", "text": "A"}
THOUGHT = {"type": "thinking", "thinking": "Let me see.", "signature": "s"}
USE = {"type": "tool_use", "id": "t1", "name": "t", "input": {}}
MARKED = {**TEXT, "cache_control": {"type": "ephemeral"}}

CHANGED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("temperature", {"temperature": 0.2, "top_p": 1}, {"top_p": 1}),
    ("temperature", {"inferenceConfig": {"temperature": 0.2, "maxTokens": 9}}, {"inferenceConfig": {"maxTokens": 9}}),
    ("top_p", {"inferenceConfig": {"topP": 0.2}}, {}),
    ("top_k", {"additionalModelRequestFields": {"top_k": 5}}, {}),
    ("reasoning_effort", {"reasoning_effort": "high"}, {}),
    ("reasoning_effort", {"output_config": {"effort": "high", "format": {}}}, {"output_config": {"format": {}}}),
    ("parallel_tool_calls", {"parallel_tool_calls": False}, {}),
    (
        "parallel_tool_calls",
        {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
        {"tool_choice": {"type": "auto"}},
    ),
    ("max_tokens", {"max_tokens": 9}, {"max_completion_tokens": 9}),
    ("max_completion_tokens", {"max_completion_tokens": 9}, {"max_tokens": 9}),
    ("thinking", {"thinking": {"type": "adaptive"}}, {}),
    (
        "thinking",
        {"thinking": {"type": "adaptive"}, "context_management": {"edits": [{"type": "clear_thinking_20251015"}]}},
        {"context_management": {"edits": []}},
    ),
    (
        "developer",
        {"messages": [{"role": "developer", "content": "S"}, HI]},
        {"messages": [{"role": "system", "content": "S"}, HI]},
    ),
    (
        "system",
        {"messages": [{"role": "system", "content": "S"}, HI]},
        {"messages": [{"role": "user", "content": "S\n\nHi"}]},
    ),
    (
        "list_content",
        {"messages": [{"role": "user", "content": [TEXT, {"type": "text", "text": "B"}]}]},
        {"messages": [{"role": "user", "content": "A\n\nB"}]},
    ),
    (
        "null_content",
        {"messages": [{"role": "assistant", "content": None}]},
        {"messages": [{"role": "assistant", "content": ""}]},
    ),
    (
        "cache_control",
        {"system": [MARKED], "messages": [{"role": "user", "content": [MARKED]}], "tools": [{"name": "t", **MARKED}]},
        {"system": [TEXT], "messages": [{"role": "user", "content": [TEXT]}], "tools": [{"name": "t", **TEXT}]},
    ),
    (
        "cache_control",
        {"toolConfig": {"tools": [{"toolSpec": {"name": "t"}}, {"cachePoint": {"type": "default"}}]}},
        {"toolConfig": {"tools": [{"toolSpec": {"name": "t"}}]}},
    ),
    (
        "strict",
        {"tools": [{"type": "function", "function": {"name": "t", "strict": True}}]},
        {"tools": [{"type": "function", "function": {"name": "t"}}]},
    ),
    (
        "thinking_history",
        {"thinking": {"type": "enabled"}, "messages": [HI, {"role": "assistant", "content": [THOUGHT, USE]}]},
        {"thinking": {"type": "disabled"}, "messages": [HI, {"role": "assistant", "content": [USE]}]},
    ),
    (
        "thinking_history",
        {"messages": [HI, {"role": "assistant", "content": [THOUGHT]}]},
        {"messages": [HI]},
    ),
    (
        "thinking_history",
        {
            "additionalModelRequestFields": {"thinking": {"type": "enabled"}},
            "messages": [{"role": "assistant", "content": [{"reasoningContent": {}}, {"text": "A"}]}],
        },
        {"messages": [{"role": "assistant", "content": [{"text": "A"}]}]},
    ),
]


@pytest.mark.parametrize(("feature", "body", "wanted"), CHANGED)
def test_a_request_is_changed_for_a_model_without_the_feature(
    feature: str, body: dict[str, Any], wanted: dict[str, Any]
) -> None:
    body = {"model": "m", **body}
    before = copy.deepcopy(body)
    assert ADAPTATIONS[feature][0](body) == {"model": "m", **wanted}
    assert body == before


@pytest.mark.parametrize("feature", ADAPTATIONS)
def test_a_request_that_does_not_use_the_feature_stays_as_it_is(feature: str) -> None:
    body = {"model": "m", "messages": [HI, {"role": "assistant", "content": [USE, {"type": "image"}]}], "tools": [{}]}
    assert ADAPTATIONS[feature][0](body) is None


def test_each_adaptation_has_its_words() -> None:
    assert ADAPTATIONS.keys() <= FEATURES.keys()


def refusal(*features: str, text: str = "no") -> ProviderError:
    return ProviderError("status", text, status=400, verdict=Verdict(Fault.MODEL, features=features))


def sent(**headers: str) -> ProviderRequest:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return ProviderRequest(URL("http://p"), CIMultiDict(names), b"")


def test_each_refusal_changes_the_request_once() -> None:
    encoded = msgspec.json.encode({"temperature": 1, "top_p": 1})
    changes = Changes((), fixed_effort=False)
    assert changes.body(encoded) == encoded
    assert changes.adapt(refusal("temperature"), encoded)
    assert msgspec.json.decode(changes.body(encoded)) == {"top_p": 1}
    assert not changes.adapt(refusal("temperature"), encoded)
    assert changes.adapt(refusal("temperature", "top_p"), encoded)
    assert msgspec.json.decode(changes.body(encoded)) == {}
    assert (changes.labels, changes.learned) == (("temperature", "top_p"), ["temperature", "top_p"])


def test_what_is_known_is_changed_before_the_first_refusal() -> None:
    changes = Changes(("temperature",), fixed_effort=False)
    assert msgspec.json.decode(changes.body(b'{"temperature":1}')) == {}
    assert (changes.labels, changes.learned) == (("temperature",), [])


def test_a_request_that_nothing_concerns_is_sent_as_it_is() -> None:
    changes = Changes(("temperature",), fixed_effort=False)
    encoded = b'{ "top_p": 1 }'
    assert changes.body(encoded) is encoded
    assert changes.labels == ()


def test_the_effort_of_an_arm_is_not_dropped() -> None:
    encoded = b'{"reasoning_effort":"high"}'
    changes = Changes(("reasoning_effort",), fixed_effort=True)
    assert changes.body(encoded) == encoded
    assert not changes.adapt(refusal("reasoning_effort"), encoded)


def test_the_history_of_a_conversation_is_no_property_of_the_model() -> None:
    encoded = msgspec.json.encode({"messages": [HI, {"role": "assistant", "content": [THOUGHT]}]})
    changes = Changes((), fixed_effort=False)
    assert changes.adapt(refusal("thinking_history"), encoded)
    assert changes.of_model == []


@pytest.mark.parametrize(
    ("text", "kept"), [("Unexpected value(s) `b-2` for the `anthropic-beta` header.", "a-1,b-22"), ("no betas", None)]
)
def test_a_beta_is_left_out_by_its_name_or_all_are(text: str, kept: str | None) -> None:
    changes = Changes((), fixed_effort=False)
    changes.request(sent(anthropic_beta="a-1, b-2,b-22"))
    assert changes.adapt(refusal("anthropic-beta", text=text), b"{}")
    changes.body(b"{}")
    assert changes.request(sent(anthropic_beta="a-1, b-2,b-22")).headers.get("anthropic-beta") == kept
    assert "anthropic-beta:b-2" in changes.labels


def test_a_request_is_not_changed_without_end() -> None:
    encoded = msgspec.json.encode(dict.fromkeys(ADAPTATIONS, 1))
    changes = Changes((), fixed_effort=False)
    assert sum(changes.adapt(refusal(name), encoded) for name in ADAPTATIONS) == MAX_CHANGES
