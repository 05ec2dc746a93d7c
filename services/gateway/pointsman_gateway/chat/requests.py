"""A client's chat request: as much of it as routing needs. Everything else is the provider's to judge."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.types import Scope

from pointsman.contracts.messages.codec import decode
from pointsman.llm.request import FORWARDED_HEADERS, LIST_HEADERS, ChatRequest, Dialect
from pointsman_gateway.chat.errors import LlmError

MAX_MODEL_CHARS = 400

_decoder = msgspec.json.Decoder(dict[str, Any])


def read_request(dialect: Dialect, raw: bytes, scope: Scope) -> ChatRequest:
    """Decode a body.

    Raises
    ------
    InvalidMessage
        The body is no JSON object.
    LlmError
        400: ``model``, ``messages`` or ``stream`` is not what it has to be.
    """
    body = decode(_decoder, raw)
    model, messages, stream = body.get("model"), body.get("messages"), body.get("stream")
    if not isinstance(model, str) or not 0 < len(model) <= MAX_MODEL_CHARS:
        raise LlmError(400, "model: expected the name of a model", param="model")
    if not isinstance(messages, list) or not messages or not all(isinstance(message, dict) for message in messages):
        raise LlmError(400, "messages: expected a list of at least one message", param="messages")
    if stream is not None and not isinstance(stream, bool):
        raise LlmError(400, "stream: expected true or false", param="stream")
    passed, session = FORWARDED_HEADERS[dialect], None
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        if name == b"x-pointsman-session":
            session = value or None
        elif (text := name.decode("latin-1")) in passed:
            said = value.decode("latin-1")
            # A list may come in several lines (RFC 9110, section 5.3).
            headers[text] = f"{headers[text]},{said}" if text in LIST_HEADERS and text in headers else said
    return ChatRequest(dialect, body, raw, model, bool(stream), headers, session)
