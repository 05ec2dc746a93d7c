"""An effort in a request, at each kind of provider; what the real APIs refuse is in the mock provider."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from pointsman.cli.devtools.mock_provider import refusals
from pointsman.contracts.config.providers import ProviderConfig, provider_named
from pointsman.core.bandit import Arm
from pointsman.llm.effort import EFFORTS, intended_effort, split_effort
from pointsman.llm.providers.efforts.effort import EffortNotAvailable
from pointsman.llm.providers.failure import UnknownProvider
from pointsman.llm.providers.kinds import model_of_arm
from pointsman.llm.providers.kinds.bedrock import BedrockSigner, BedrockWire
from pointsman.llm.providers.registry import Providers
from pointsman.llm.providers.settings import ProviderSettings
from pointsman.llm.providers.translation import encode_request
from pointsman.llm.request import ChatRequest, Dialect

QUESTION = {"messages": [{"role": "user", "content": "Which track?"}]}
SAMPLING: dict[str, Any] = {"temperature": 0.2, "top_p": 0.5}
TOOL = {"name": "set_points", "input_schema": {"type": "object"}}
CALLED = [
    {"role": "user", "content": "Set it."},
    {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "set_points", "input": {}}]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1"}]},
]
CLEARING = {"edits": [{"type": "clear_thinking_20251015"}, {"type": "clear_tool_uses_20250919"}]}


def sent_by(arm: str, dialect: Dialect = "openai", **fields: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the body that an arm sends, and the fields that it drops."""
    provider, _, model = arm.partition(":")
    config = provider_named([], provider)
    assert config is not None
    name, effort = model_of_arm(config, model)
    settings = ProviderSettings(msgspec.structs.replace(config, region="eu-west-1"), {})
    if config.kind == "bedrock":
        wire: Any = BedrockWire(settings, BedrockSigner(settings), name)
    else:
        environ = dict.fromkeys(filter(None, [config.api_key_env]), "key-0123456789")
        wire = Providers([], environ).upstream(Arm(provider, model))._wire
    wire.effort = effort
    body = {"model": "auto", **QUESTION, **fields}
    request = ChatRequest(dialect=dialect, body=body, raw=msgspec.json.encode(body), model="auto")
    encoded = encode_request(request, wire)
    return msgspec.json.decode(encoded.body), encoded.adapted


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gpt-5@high", ("gpt-5", "high")),
        ("claude-sonnet-4@20250514@low", ("claude-sonnet-4@20250514", "low")),
        ("claude-sonnet-4@20250514", ("claude-sonnet-4@20250514", None)),
        ("llama@sha256:0f1e", ("llama@sha256:0f1e", None)),
        ("gpt-5@High", ("gpt-5@High", None)),
        ("@high", ("@high", None)),
        ("high", ("high", None)),
    ],
)
def test_only_known_words_after_the_last_at_sign_are_an_effort(model: str, expected: tuple[str, str | None]) -> None:
    assert split_effort(model) == expected


def test_a_misspelt_effort_is_recognised() -> None:
    assert [intended_effort(f"m@{end}") for end in ("hihg", "High", "high", "20250514", "default")] == [
        "high",
        "high",
        None,
        None,
        None,
    ]


def test_a_configured_name_that_ends_as_an_effort_stays_a_name() -> None:
    config = ProviderConfig(
        name="lab", kind="openai", base_url="http://x.test", models={"m@high": "m@high", "n": "n-eu"}
    )
    assert model_of_arm(config, "m@high") == ("m@high", None)
    name, effort = model_of_arm(config, "n@high")
    assert effort is not None
    assert (name, effort.level) == ("n-eu", "high")


def test_openai_receives_the_effort_of_the_arm_and_nothing_that_it_refuses_with_it() -> None:
    body, dropped = sent_by("openai:gpt-5@high", **SAMPLING, max_tokens=50, reasoning_effort="low", seed=1)
    assert body == {
        "model": "gpt-5",
        **QUESTION,
        "seed": 1,
        "max_completion_tokens": 50,
        "reasoning_effort": "high",
    }
    assert dropped == ("reasoning_effort", "temperature", "top_p")
    assert not list(refusals.openai_refusals(body))
    body, dropped = sent_by("openai:gpt-5.1@none", **SAMPLING, reasoning_effort="none")
    assert (body["temperature"], body["reasoning_effort"], dropped) == (0.2, "none", ())


def test_other_servers_keep_sampling_and_other_reasoning_settings() -> None:
    reasoning = {"effort": "low", "exclude": True}
    body, dropped = sent_by("openrouter:x/y@xhigh", **SAMPLING, reasoning=reasoning)
    assert (body["reasoning"], body["reasoning_effort"], body["temperature"]) == ({"exclude": True}, "xhigh", 0.2)
    assert dropped == ("reasoning.effort",)
    body, _ = sent_by("llamacpp:gpt-oss@low", chat_template_kwargs={"builtin_tools": [], "enable_thinking": False})
    assert body["chat_template_kwargs"] == {"builtin_tools": [], "reasoning_effort": "low", "enable_thinking": True}
    body, dropped = sent_by("ollama:qwen3:8b@none", "anthropic", max_tokens=9, thinking={"type": "adaptive"})
    assert (body["model"], body["reasoning_effort"], dropped) == ("qwen3:8b", "none", ("thinking",))


def every_claude() -> Iterator[tuple[str, str]]:
    models = ["3-7-sonnet-20250219", "opus-4-1", "sonnet-4-20250514", "haiku-4-5", "opus-4-6", "opus-4-7", "opus-5"]
    for model in [*models, "opus-5-5", "haiku-5.5", "fable-5", "mythos-preview"]:
        for effort in EFFORTS:
            try:
                model_of_arm(ProviderConfig(name="anthropic", kind="anthropic"), f"claude-{model}@{effort}")
            except EffortNotAvailable:
                continue
            yield f"claude-{model}", effort


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_claude_accepts_every_request_with_each_of_its_efforts(dialect: Dialect) -> None:
    asked: list[dict[str, Any]] = [{}, SAMPLING, {"top_k": 3}, {"max_tokens": 20}, {"max_tokens": 60_000}]
    if dialect == "anthropic":
        tools = {"tools": [TOOL]}
        asked += [
            {"thinking": {"type": "enabled", "budget_tokens": 2000}, "output_config": {"effort": "low"}},
            {**tools, "tool_choice": {"type": "any"}},
            {**tools, "messages": CALLED},
            {"messages": [*QUESTION["messages"], {"role": "assistant", "content": "The"}]},
            {"thinking": {"type": "adaptive"}, "context_management": CLEARING},
        ]
    seen = set()
    for model, effort in every_claude():
        for fields in asked:
            bound = {"max_tokens": 100} if dialect == "anthropic" else {}
            body, _ = sent_by(f"anthropic:{model}@{effort}", dialect, **{**bound, **fields})
            assert not list(refusals.anthropic_refusals(body)), (model, effort, body)
            thinks = body.get("thinking", {}).get("type") in ("enabled", "adaptive")
            cleared = body.get("context_management")
            assert cleared is None or thinks or cleared == {"edits": CLEARING["edits"][1:]}
            seen.add((effort, thinks))
    assert {("none", False), ("high", True), ("low", True), ("xhigh", True), ("max", True)} <= seen


def test_a_budget_leaves_room_for_the_answer() -> None:
    bounds = {20: 24_596, 4096: 28_672, 60_000: 60_000}
    for asked, expected in bounds.items():
        body, _ = sent_by("anthropic:claude-sonnet-4-5@high", "anthropic", max_tokens=asked)
        assert (body["max_tokens"], body["thinking"]["budget_tokens"]) == (expected, 24_576)
    body, _ = sent_by("anthropic:claude-opus-4-6@low")
    assert (body["max_tokens"], body["output_config"]) == (4096 + 1024, {"effort": "low"})
    body, _ = sent_by("anthropic:claude-opus-4-6@low", max_completion_tokens=7)
    assert body["max_tokens"] == 7


def test_what_the_client_forces_is_kept_and_the_effort_is_reported_as_dropped() -> None:
    forced = {"type": "tool", "name": "set_points"}
    body, dropped = sent_by(
        "anthropic:claude-sonnet-4-5@low", "anthropic", max_tokens=9, tools=[TOOL], tool_choice=forced, temperature=0.5
    )
    assert (body["tool_choice"], body["temperature"], "thinking" in body) == (forced, 0.5, False)
    assert dropped == ("@low",)
    body, dropped = sent_by(
        "anthropic:claude-opus-4-6@low", "anthropic", max_tokens=9, tools=[TOOL], tool_choice=forced
    )
    assert (body["thinking"], body["tool_choice"], dropped) == ({"type": "adaptive"}, forced, ())


def test_the_clients_format_stays_next_to_the_effort() -> None:
    schema = {"format": {"type": "json_schema", "schema": {"type": "object"}}}
    asked = {"max_tokens": 9, "output_config": {**schema, "effort": "max"}}
    body, dropped = sent_by("anthropic:claude-opus-4-6@low", "anthropic", **asked)
    assert (body["output_config"], dropped) == ({**schema, "effort": "low"}, ("output_config.effort",))
    body, _ = sent_by("anthropic:claude-sonnet-4-5@low", "anthropic", **asked)
    assert body["output_config"] == schema


@pytest.mark.parametrize(
    ("model", "own"),
    [
        (
            "eu.anthropic.claude-opus-4-6-v1:0@low",
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}},
        ),
        (
            "anthropic.claude-sonnet-4-5-20250929-v1:0@low",
            {"thinking": {"type": "enabled", "budget_tokens": 1024}},
        ),
        ("openai.gpt-oss-120b-1:0@low", {"reasoning_effort": "low"}),
        ("openai.gpt-5.2@xhigh", {"reasoning": {"effort": "xhigh"}}),
        ("amazon.nova-2-lite-v1:0@low", {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}),
        ("amazon.nova-2-lite-v1:0@none", {"reasoningConfig": {"type": "disabled"}}),
    ],
)
def test_bedrock_receives_the_effort_in_the_fields_of_the_model(model: str, own: dict[str, Any]) -> None:
    body, _ = sent_by(f"bedrock:{model}", max_tokens=5000)
    assert body["additionalModelRequestFields"] == own
    assert body["inferenceConfig"]["maxTokens"] >= 5000


def test_nova_at_high_accepts_no_bound() -> None:
    body, dropped = sent_by("bedrock:amazon.nova-2-lite-v1:0@high", max_tokens=50, **SAMPLING)
    assert "inferenceConfig" not in body
    assert dropped == ("max_tokens", "temperature")


@pytest.mark.parametrize(
    ("arm", "why"),
    [
        ("anthropic:claude-3-5-haiku-latest@low", "claude-3-5-haiku-latest has no efforts"),
        ("anthropic:claude-sonnet-4-5@max", "it has none, low, medium, high"),
        ("anthropic:claude-opus-4-6@xhigh", "it has none, low, medium, high, max"),
        ("anthropic:claude-opus-5-5@none", "it has low, medium, high, xhigh, max"),
        ("ollama:gpt-oss@xhigh", "ollama does not have the effort 'xhigh'"),
        ("bedrock:meta.llama3-3-70b-instruct-v1:0@low", "has no efforts"),
    ],
)
def test_an_effort_that_does_not_exist_is_refused_with_those_that_do(arm: str, why: str) -> None:
    environ = {"ANTHROPIC_API_KEY": "key-0123456789", "AWS_REGION": "eu-west-1"}
    providers = Providers([], environ)
    assert not providers.available(Arm.parse(arm))
    with pytest.raises(UnknownProvider, match="effort") as raised:
        providers.upstream(Arm.parse(arm))
    assert why in raised.value.text
    assert arm in raised.value.text
    assert providers.available(Arm.parse(arm.rpartition("@")[0]))
