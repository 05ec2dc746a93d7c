"""Reads the body of a chat request, as far as routing needs it. The provider validates everything else."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.types import Scope

from pointsman.contracts.messages.codec import decode
from pointsman.contracts.messages.nesting import MAX_DEPTH, check_nesting
from pointsman.llm.request import FORWARDED_HEADERS, LIST_HEADERS, ChatRequest, Dialect
from pointsman_gateway.chat.errors import ChatError

MAX_MODEL_CHARS = 400

_decoder = msgspec.json.Decoder(dict[str, Any])


def read_request(dialect: Dialect, raw: bytes, scope: Scope) -> ChatRequest:
    """Decode and check a request.

    Raises
    ------
    InvalidMessage
        The body is not a JSON object, or nested too deeply.
    ChatError
        400: ``model``, ``messages`` or ``stream`` has the wrong type.
    """
    body = decode(_decoder, raw)
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH:  # fewer cannot be nested more deeply
        check_nesting(body)
    model, messages, stream = body.get("model"), body.get("messages"), body.get("stream")
    if not isinstance(model, str) or not 0 < len(model) <= MAX_MODEL_CHARS:
        raise ChatError(400, "model: expected the name of a model", param="model")
    if not isinstance(messages, list) or not messages or not all(isinstance(message, dict) for message in messages):
        raise ChatError(400, "messages: expected a list of at least one message", param="messages")
    if stream is not None and not isinstance(stream, bool):
        raise ChatError(400, "stream: expected true or false", param="stream")
    forwarded, session = FORWARDED_HEADERS[dialect], None
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        if name == b"x-pointsman-session":
            session = value or None
        elif (text := name.decode("latin-1")) in forwarded:
            own = value.decode("latin-1")
            # A list may be split over several lines (RFC 9110, section 5.3).
            headers[text] = f"{headers[text]},{own}" if text in LIST_HEADERS and text in headers else own
    return ChatRequest(dialect, body, raw, model, bool(stream), headers, session)
