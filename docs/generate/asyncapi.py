"""``docs/reference/asyncapi.json``: the subjects as AsyncAPI 3.0, with the message types as payloads."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

import pointsman
from docs import DOCS
from docs.generate.channels import CHANNELS, Channel, Message, uses
from docs.generate.markdown import plain
from pointsman_gateway.api.json_schema import describe_fields, for_generators, structs_by_name

GOLDEN = DOCS.parent / "tests" / "contract" / "golden" / "v1"
"""Golden messages; those of a type are its examples."""

_PARAMETERS = {
    "tier": "The tier: 1 to 64 of A-Z a-z 0-9 _ -",
    "policy": "The name of the shadow policy: 1 to 64 of A-Z a-z 0-9 _ -",
    "kind": "The kind of the alert",
    "stream": "The stream that contained the message, in lower case",
    "service": "gateway, decision, reward-updater or shadow-evaluator",
}
_ABOUT = """\
The messages between Pointsman's services and to subscribers. All messages are JSON. Streams are JetStream streams \
with limits retention; other subjects are core NATS. Readers ignore unknown fields; a message with a `v` above 1 is of \
a later version. Messages of the hot path may have the header `traceparent` of W3C trace context.
"""


def page() -> str:
    """Return the document as text."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


def document() -> dict[str, Any]:
    """Return the document."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for channel in CHANNELS:
        channels[channel.name] = _channel(channel)
        if channel.reply:
            channels[f"{channel.name}_reply"] = _reply_channel(channel)
        for use in uses(channel):
            operations[f"{use.role}_{use.action}_{channel.name}"] = _operation(channel, use.role, use.action, use.queue)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Pointsman on NATS",
            "version": pointsman.__version__,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"nats": {"host": "127.0.0.1:4222", "protocol": "nats", "description": "`[nats] url`"}},
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": {kind.__name__: _message(kind) for kind in message_types()},
            "schemas": for_generators(schemas()),
        },
    }


def message_types() -> list[Message]:
    """Return all message types, each once."""
    return list(dict.fromkeys(kind for channel in CHANNELS for kind in channel.messages + channel.reply))


@cache
def schemas() -> dict[str, Any]:
    """Return the JSON Schema of every message and nested type by name."""
    _, components = msgspec.json.schema_components(message_types(), ref_template="#/components/schemas/{name}")
    structs = structs_by_name(message_types())
    for name, schema in components.items():
        describe_fields(schema, structs[name])
    return components


def _channel(channel: Channel) -> dict[str, Any]:
    kept = f" Kept in the stream {channel.stream}." if channel.stream else ""
    made: dict[str, Any] = {"address": channel.address, "description": plain(channel.about) + kept}
    made["messages"] = {kind.__name__: {"$ref": f"#/components/messages/{kind.__name__}"} for kind in channel.messages}
    made["parameters"] = {name: {"description": _PARAMETERS[name]} for name in channel.parameters}
    return made


def _reply_channel(channel: Channel) -> dict[str, Any]:
    return {
        "address": None,
        "description": f"Reply to a request to `{channel.address}`, on the inbox of the request.",
        "messages": {kind.__name__: {"$ref": f"#/components/messages/{kind.__name__}"} for kind in channel.reply},
    }


def _operation(channel: Channel, role: str, action: str, queue: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel.name}"},
        "summary": f"{role} {'sends' if action == 'send' else 'receives'}",
        "tags": [{"name": role}],
    }
    if queue:
        made["bindings"] = {"nats": {"queue": queue, "bindingVersion": "0.1.0"}}
    if channel.reply:
        made["reply"] = {"channel": {"$ref": f"#/channels/{channel.name}_reply"}}
    return made


def _message(kind: Message) -> dict[str, Any]:
    name = kind.__name__
    made: dict[str, Any] = {"name": name, "payload": {"$ref": f"#/components/schemas/{name}"}}
    examples = [{"name": file.stem, "payload": json.loads(file.read_bytes())} for file in golden_files(kind)]
    return made | ({"examples": examples} if examples else {})


def golden_files(kind: Message) -> list[Path]:
    """Return the golden messages of a type: files whose name up to the first dot is the type's in snake case."""
    named = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in kind.__name__).lstrip("_")
    names = {named, named.removesuffix("_event")}
    if named == "decision_event":
        names = {named}
    return sorted(file for file in GOLDEN.glob("*.json") if file.name.partition(".")[0] in names)
