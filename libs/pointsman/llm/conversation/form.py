"""The form: turns of blocks, tools and options, whatever dialect they came from."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from pointsman.llm.request import Dialect

Role = Literal["system", "user", "assistant"]


class CacheMark(msgspec.Struct, frozen=True):
    """The prompt up to here is to be cached; ``ttl`` is the client's, such as ``1h``."""

    ttl: str | None = None


class Text(msgspec.Struct, frozen=True):
    """Text, of any turn."""

    text: str
    cache: CacheMark | None = None


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """A picture: base64 of a media type, or a URL. ``where`` is its path in the request, for errors."""

    media_type: str = ""
    data: str = ""
    url: str = ""
    where: str = ""
    cache: CacheMark | None = None


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A document: base64 of a PDF, a URL of one, or text."""

    data: str = ""
    url: str = ""
    text: str = ""
    title: str = ""
    where: str = ""
    cache: CacheMark | None = None


class Thinking(msgspec.Struct, frozen=True, kw_only=True):
    """Earlier thinking: text that its model signed, or ``redacted`` data that only its provider can read."""

    text: str = ""
    signature: str = ""
    redacted: str = ""


class ToolUse(msgspec.Struct, frozen=True, kw_only=True):
    """A call of a tool by the model; arguments that were no JSON object are in ``input`` under `UNREADABLE`."""

    id: str
    name: str
    input: dict[str, Any]
    cache: CacheMark | None = None


class ToolResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a tool returned: texts, images and documents."""

    id: str
    content: list[Text | Image | Document]
    is_error: bool = False
    cache: CacheMark | None = None


Part = Text | Image | Document
Block = Text | Image | Document | Thinking | ToolUse | ToolResult

UNREADABLE = "unreadable_arguments"
"""Name in `ToolUse.input` for the text of arguments that are no JSON object."""


class Turn(msgspec.Struct, kw_only=True):
    """One message. System turns may be anywhere; the leading ones are the system prompt."""

    role: Role
    blocks: list[Block]


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool that the model may call; ``schema`` is the JSON schema of its arguments."""

    name: str
    schema: dict[str, Any]
    description: str = ""
    cache: CacheMark | None = None


class ToolChoice(msgspec.Struct, frozen=True):
    """Whether the model may, must or must not call a tool; ``name``: the one that it must."""

    kind: Literal["auto", "any", "none", "tool"]
    name: str = ""


class Options(msgspec.Struct, kw_only=True):
    """Settings of the request; None where the client left them out.

    Attributes
    ----------
    parallel: Whether the model may call several tools at once.
    schema: JSON schema of the answer. json: an answer of any JSON object.
    thinking: In Anthropic's form.
    """

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: list[str] = []
    stream: bool | None = None
    choice: ToolChoice | None = None
    parallel: bool | None = None
    schema: dict[str, Any] | None = None
    json: bool = False
    thinking: dict[str, Any] | None = None


class RequestForm(msgspec.Struct, kw_only=True):
    """A request.

    Attributes
    ----------
    dialect: The client's, in which errors name fields.
    left_out: Fields of the request that the form does not have, and that an answer is valid without.
    """

    dialect: Dialect
    model: Any
    turns: list[Turn]
    tools: list[Tool]
    options: Options
    left_out: list[str]


class Written(msgspec.Struct, kw_only=True):
    """A request for a provider.

    Attributes
    ----------
    body: In the provider's dialect.
    adapted: The client's fields that are not sent, or not as the client wrote them.
    tool_names: From the names of tools that are sent to the client's, where they differ.
    """

    body: dict[str, Any]
    adapted: tuple[str, ...] = ()
    tool_names: dict[str, str] = {}


FIELD_NAMES: dict[Dialect, dict[str, str]] = {
    "openai": {"parallel": "parallel_tool_calls", "schema": "response_format", "json": "response_format"},
    "anthropic": {"parallel": "tool_choice.disable_parallel_tool_use", "schema": "output_config.format"},
}


def field_name(conversation: RequestForm, option: str) -> str:
    """Return the client's name of an option."""
    return FIELD_NAMES[conversation.dialect].get(option, option)
