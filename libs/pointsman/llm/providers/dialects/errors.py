"""Errors in the two dialects: encoding them for clients, and parsing those of providers."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from pointsman.llm.providers.dialects.answer_json import decode_answer
from pointsman.llm.request import Dialect

_OPENAI_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
}
_ANTHROPIC_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def error_type(dialect: Dialect, status: int) -> str:
    """Return the error type of a dialect for an HTTP status."""
    types = _OPENAI_TYPES if dialect == "openai" else _ANTHROPIC_TYPES
    other = "invalid_request_error" if status < 500 else "api_error"
    return types.get(status, other)


def encode_error(
    dialect: Dialect,
    status: int,
    message: str,
    *,
    type_: str | None = None,
    param: str | None = None,
    code: str | None = None,
) -> bytes:
    """Encode an error in a client's dialect, for a response with this HTTP status.

    The type follows from the status by default; only OpenAI's errors have ``param`` (the invalid field) and ``code``.
    """
    type_ = type_ or error_type(dialect, status)
    shape: dict[str, Any]
    if dialect == "openai":
        shape = {"error": {"message": message, "type": type_, "param": param, "code": code}}
    else:
        shape = {"type": "error", "error": {"type": type_, "message": message}}
    return msgspec.json.encode(shape)


def error_event(dialect: Dialect, body: bytes) -> bytes:
    """Return an error as a server-sent event: the last one of a stream that failed."""
    one_line = body.replace(b"\r", b" ").replace(b"\n", b" ")
    name = b"event: error\n" if dialect == "anthropic" else b""
    return name + b"data: " + one_line + b"\n\n"


MAX_ERROR_BYTES = 64 * 1024
MAX_MESSAGE_CHARS = 2000

_any = msgspec.json.Decoder(Any)


class ProviderErrorBody(NamedTuple):
    """The error in a provider's response; absent fields are empty or None."""

    message: str
    type: str | None = None
    param: str | None = None
    code: str | None = None
    status: int | None = None


def parse_error(body: bytes) -> ProviderErrorBody:
    """Parse an error in OpenAI's form, Anthropic's, or one of those that servers in front of models use.

    One that is not readable, or is longer than `MAX_ERROR_BYTES`, is empty.
    """
    try:
        return _parse(decode_answer(_any, body)) if len(body) <= MAX_ERROR_BYTES else ProviderErrorBody("")
    except (ValueError, RecursionError):
        return ProviderErrorBody("")


def _parse(value: Any) -> ProviderErrorBody:
    inner = value.get("error") if isinstance(value, dict) else value
    if isinstance(inner, str):
        return ProviderErrorBody(inner[:MAX_MESSAGE_CHARS])
    if not isinstance(value, dict):
        return ProviderErrorBody("")
    found: dict[str, Any] = inner if isinstance(inner, dict) else value
    message = next((_text(found[name]) for name in ("message", "Message", "detail") if found.get(name)), "")
    code = found.get("code") if found.get("code") is not None else found.get("error_code")
    kind = found.get("type")
    return ProviderErrorBody(
        message[:MAX_MESSAGE_CHARS],
        kind[:100] if isinstance(kind, str) else None,
        found["param"][:200] if isinstance(found.get("param"), str) else None,
        str(code)[:100] if isinstance(code, str | int) else None,
        code if isinstance(code, int) and 400 <= code <= 599 else None,
    )


def _text(message: Any) -> str:
    """Return a message as text; servers that validate by a schema send a list of problems."""
    return message if isinstance(message, str) else msgspec.json.encode(message).decode()
