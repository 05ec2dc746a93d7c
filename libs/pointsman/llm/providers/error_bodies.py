"""Errors in the clients' dialects: OpenAI's and Anthropic's shapes."""

from __future__ import annotations

from typing import Any

import msgspec

from pointsman.llm.providers.base import Dialect

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
    """Return the word that a dialect has for errors of an HTTP status."""
    of_status = _OPENAI_TYPES if dialect == "openai" else _ANTHROPIC_TYPES
    other = "invalid_request_error" if status < 500 else "api_error"
    return of_status.get(status, other)


def encode_error(
    dialect: Dialect,
    status: int,
    message: str,
    *,
    type_: str | None = None,
    param: str | None = None,
    code: str | None = None,
) -> bytes:
    """Encode an error in a client's dialect.

    Parameters
    ----------
    status : int
        The HTTP status that the client gets.
    type_ : str, optional
        The dialect's word for it; by the status when left out.
    param, code : str, optional
        The field that is wrong, and a word for programs: OpenAI's shape has room for them, Anthropic's has not.
    """
    type_ = type_ or error_type(dialect, status)
    shape: dict[str, Any]
    if dialect == "openai":
        shape = {"error": {"message": message, "type": type_, "param": param, "code": code}}
    else:
        shape = {"type": "error", "error": {"type": type_, "message": message}}
    return msgspec.json.encode(shape)


def error_event(dialect: Dialect, body: bytes) -> bytes:
    """Return an error as a server-sent event: the last one of a stream that broke off."""
    one_line = body.replace(b"\r", b" ").replace(b"\n", b" ")
    name = b"event: error\n" if dialect == "anthropic" else b""
    return name + b"data: " + one_line + b"\n\n"
