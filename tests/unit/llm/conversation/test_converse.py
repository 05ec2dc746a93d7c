"""Requests for Bedrock, against the description of its API that botocore brings."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import msgspec
import pytest

from pointsman.llm.conversation.read_anthropic import read_anthropic
from pointsman.llm.conversation.target import converse_target
from pointsman.llm.conversation.write_converse import write_converse
from pointsman.llm.providers.failure import Untranslatable
from tests.support.written_requests import to_converse
from tests.unit.llm.conversation import test_openai_to_anthropic as openai_requests

CLAUDE = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
NOVA = "amazon.nova-lite-v1:0"
TOOL = {"name": "set_points", "description": "Sets points", "input_schema": {"type": "object"}}


def body(**fields: Any) -> dict[str, Any]:
    return {"model": "m", "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}], **fields}


def check(sent: dict[str, Any], model: str = CLAUDE) -> None:
    """Compare with the API's description: names, types, bounds, what is required."""
    loader = import_module("botocore.loaders").Loader()
    service = import_module("botocore.model").ServiceModel(loader.load_service_model("bedrock-runtime", "service-2"))
    shape = service.operation_model("Converse").input_shape
    report = import_module("botocore.validate").ParamValidator().validate({"modelId": model, **sent}, shape)
    assert not report.has_errors(), report.generate_report()


def test_conversation_keeps_all_messages() -> None:
    asked = body(
        system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Where?"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "/9j/"}},
                    {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"}},
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "s"},
                    {"type": "redacted_thinking", "data": "eA=="},
                    {"type": "tool_use", "id": "t1", "name": "set_points", "input": {"at": 3}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "t1", "content": "no", "is_error": True},
                    {"type": "text", "text": "And?", "cache_control": {"type": "ephemeral"}},
                ],
            },
        ],
        tools=[TOOL],
        tool_choice={"type": "tool", "name": "set_points"},
        temperature=0.5,
        top_p=0.9,
        top_k=5,
        stop_sequences=["x"],
        output_config={"format": {"type": "json_schema", "schema": {"type": "object"}}},
    )
    sent = to_converse(asked, CLAUDE)
    check(sent)
    assert sent == {
        "system": [{"text": "Be brief."}, {"cachePoint": {"type": "default", "ttl": "1h"}}],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"text": "Where?"},
                    {"image": {"format": "jpeg", "source": {"bytes": "/9j/"}}},
                    {"document": {"format": "pdf", "name": "document", "source": {"bytes": "JVBE"}}},
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}},
                    {"reasoningContent": {"redactedContent": "eA=="}},
                    {"toolUse": {"toolUseId": "t1", "name": "set_points", "input": {"at": 3}}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"toolResult": {"toolUseId": "t1", "content": [{"text": "no"}], "status": "error"}},
                    {"text": "And?"},
                    {"cachePoint": {"type": "default"}},
                ],
            },
        ],
        "toolConfig": {
            "tools": [
                {
                    "toolSpec": {
                        "name": "set_points",
                        "description": "Sets points",
                        "inputSchema": {"json": {"type": "object"}},
                    }
                }
            ],
            "toolChoice": {"tool": {"name": "set_points"}},
        },
        "inferenceConfig": {"maxTokens": 50, "temperature": 0.5, "topP": 0.9, "stopSequences": ["x"]},
        "additionalModelRequestFields": {"top_k": 5},
        "outputConfig": {
            "textFormat": {
                "type": "json_schema",
                "structure": {"jsonSchema": {"schema": '{"type":"object"}', "name": "answer"}},
            }
        },
    }


def test_what_is_claudes_alone_is_left_out_for_other_models_and_named() -> None:
    asked = body(top_k=5, thinking={"type": "enabled", "budget_tokens": 1024})
    written = write_converse(read_anthropic(asked), converse_target(NOVA, claude=False))
    assert (written.body, sorted(written.adapted)) == (to_converse(body(), NOVA), ["thinking", "top_k"])
    own = to_converse(asked, CLAUDE)["additionalModelRequestFields"]
    assert own == {"top_k": 5, "thinking": {"type": "enabled", "budget_tokens": 1024}}


def test_request_of_an_openai_client_gets_there_by_way_of_anthropics() -> None:
    conversation = msgspec.json.decode(msgspec.json.encode(openai_requests.CONVERSATION))
    del conversation[2]["content"][2]  # the image by URL, which Bedrock has not
    asked = openai_requests.body(messages=conversation, tools=[openai_requests.TOOL], max_tokens=7)
    sent = to_converse(asked, CLAUDE, "openai")
    check(sent)
    assert [message["role"] for message in sent["messages"]] == ["user", "assistant", "user"]
    assert sent["inferenceConfig"] == {"maxTokens": 7}


@pytest.mark.parametrize("choice", ["auto", "any"])
def test_choice_of_tools(choice: str) -> None:
    sent = to_converse(body(tools=[TOOL], tool_choice={"type": choice}), CLAUDE)
    check(sent)
    assert sent["toolConfig"].get("toolChoice") == (None if choice == "auto" else {"any": {}})


def test_no_tools_are_named_when_none_may_be_used() -> None:
    assert "toolConfig" not in to_converse(body(tools=[TOOL], tool_choice={"type": "none"}), CLAUDE)


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (
            body(messages=[{"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "x"}}]}]),
            "messages[0].content[0].source",
        ),
        (body(mcp_servers=[{}]), "mcp_servers"),
        (body(tools=[{"type": "bash_20250124", "name": "bash"}]), "tools[0].type"),
    ],
)
def test_an_unsupported_field_is_refused_by_name(asked: dict[str, Any], field: str) -> None:
    with pytest.raises(Untranslatable) as caught:
        to_converse(asked, CLAUDE)
    assert (caught.value.field, caught.value.dialect) == (field, "anthropic")


def test_an_image_by_its_url_is_refused_by_the_clients_name_of_it() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://rail.example/yard.jpg"}}
    with pytest.raises(Untranslatable) as caught:
        to_converse({"messages": [{"role": "user", "content": [image]}]}, NOVA, "openai")
    assert (caught.value.field, caught.value.dialect) == ("messages[0].content[0].image_url.url", "openai")


def test_one_call_at_a_time_is_claudes_alone() -> None:
    asked = body(tools=[TOOL], tool_choice={"type": "auto", "disable_parallel_tool_use": True})
    one = {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}
    assert to_converse(asked, CLAUDE)["additionalModelRequestFields"] == one
    written = write_converse(read_anthropic(asked), converse_target(NOVA, claude=False))
    assert written.adapted == ("tool_choice.disable_parallel_tool_use",)
