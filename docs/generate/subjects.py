"""``docs/reference/subjects.md``: the subjects, from the same table as the AsyncAPI document."""

from __future__ import annotations

from collections.abc import Iterable

from docs.generate.asyncapi import message_types, schemas
from docs.generate.channels import CHANNELS, Channel, Message, uses
from docs.generate.markdown import MADE, plain, sentence, table
from docs.generate.schema_words import fields

_ABOUT = """\
Every event is published as JSON on a NATS subject. [asyncapi.json](asyncapi.json) describes the same subjects for
tools (AsyncAPI 3.0), with examples. [Access](../how-to/access.md) lists who may subscribe to which subject and how a
program gets a password. [Guarantees](../explanation/guarantees.md#retention) lists how long streams keep messages.

Tier and policy names are one token of a subject, `[A-Za-z0-9_-]{1,64}`. Readers ignore unknown fields.
The table omits the user `operator`, which may use every subject, and users without rights on NATS.
"""


def page() -> str:
    """Return the page."""
    lines = [MADE, "", "# Subjects and messages", "", *_ABOUT.splitlines(), ""]
    lines += ["## Subjects", "", *table(("subject", "content", "message", "from", "to"), map(_row, CHANNELS))]
    lines += ["To subscribe to all tiers, write `*` or `>` for the last part: `pointsman tail 'decisions.>'`.", ""]
    lines += ["## Messages", ""]
    for kind in message_types():
        lines += _type(kind.__name__)
    lines += ["## Nested types", ""]
    for name in sorted(schemas().keys() - {kind.__name__ for kind in message_types()}):
        lines += _type(name)
    return "\n".join(lines).strip() + "\n"


def _row(channel: Channel) -> tuple[str, ...]:
    message = _types(channel.messages) or "empty"
    if channel.reply:
        message += f" → {_types(channel.reply)}"
    roles: dict[str, list[str]] = {"send": [], "receive": []}
    for use in uses(channel):
        roles[use.action].append(f"{use.role} (queue group `{use.queue}`)" if use.queue else use.role)
    return f"`{channel.address}`", plain(channel.about), message, ", ".join(roles["send"]), ", ".join(roles["receive"])


def _types(kinds: Iterable[Message]) -> str:
    return " or ".join(_linked(kind.__name__) for kind in kinds)


def _type(name: str) -> list[str]:
    schema = schemas()[name]
    return [f"### {name}", "", sentence(schema.get("description", "")), "", *fields(schema, _linked)]


def _linked(name: str) -> str:
    return f"[{name}](#{name.lower()})"
