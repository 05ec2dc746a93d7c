"""What a provider says when it refuses: read from its answer, and said again in the client's dialect."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from pointsman.llm.providers.base import Dialect
from pointsman.llm.providers.config import Settings
from pointsman.llm.providers.error_bodies import encode_error
from pointsman.llm.providers.errors import ProviderError
from pointsman.llm.providers.retrying import ITS_FAULT, RETRYABLE, retry_after_s

MAX_MESSAGE_CHARS = 2000
_TOO_LARGE = 413
_REFUSED_KEY = frozenset({401, 403})
_CODES_OF_THE_MODEL = frozenset(
    {"context_length_exceeded", "unsupported_parameter", "unsupported_value", "exceed_context_size_error"}
)
_OF_THE_MODEL = re.compile(
    r"maximum context length|context (window|limit|size)|(prompt|input) is too long|credit balance is too low"
    r"|extra inputs are not permitted|unrecognized request argument",
    re.I,
)
"""What providers say of a request that another model may well serve. OpenAI and llama.cpp have words for programs for
it; Anthropic, Azure, Bedrock, Mistral, vLLM and OpenRouter say it in the message only."""
_STATUS_OF_TYPE = {
    "invalid_request_error": 400,
    "validationException": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "throttlingException": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
    "serviceUnavailableException": 503,
}


class Told(NamedTuple):
    """What a provider told of an error; what it did not tell is empty or None."""

    message: str
    type: str | None = None
    param: str | None = None
    code: str | None = None
    status: int | None = None


def told(body: bytes) -> Told:
    """Read an error: OpenAI's shape, Anthropic's, or one of those that servers in front of models have."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Told("")
    if isinstance(value, str):
        return Told(value[:MAX_MESSAGE_CHARS])
    if not isinstance(value, dict):
        return Told("")
    inner = value.get("error")
    if isinstance(inner, str):
        return Told(inner[:MAX_MESSAGE_CHARS])
    found: dict[str, Any] = inner if isinstance(inner, dict) else value
    message = next((_said(found[name]) for name in ("message", "Message", "detail") if found.get(name)), "")
    code = found.get("code") if found.get("code") is not None else found.get("error_code")
    kind = found.get("type")
    return Told(
        message[:MAX_MESSAGE_CHARS],
        kind[:100] if isinstance(kind, str) else None,
        found["param"][:200] if isinstance(found.get("param"), str) else None,
        str(code)[:100] if isinstance(code, str | int) else None,
        code if isinstance(code, int) and 400 <= code <= 599 else None,
    )


def _said(message: Any) -> str:
    """Return what a message says; those who check requests by a schema tell a list of what is wrong with them."""
    return message if isinstance(message, str) else msgspec.json.encode(message).decode()


def refused(
    settings: Settings, speaks: Dialect, dialect: Dialect, status: int, headers: Mapping[str, str], body: bytes
) -> ProviderError:
    """Return the error for an answer with an error's status.

    What is said about a refused key is not passed on: it is about the gateway's key, of which some providers repeat a
    part.

    Parameters
    ----------
    speaks, dialect : Dialect
        The provider's and the client's.
    """
    said = told(body)
    if status in _REFUSED_KEY:
        hint = "" if settings.api_key or settings.config.kind == "bedrock" else ", which was sent none: set api_key_env"
        text = f"{settings.name} refused the gateway's credentials (HTTP {status}){hint}"
        return ProviderError("status", text, dialect=dialect, status=status)
    return _error(settings, speaks, dialect, status, said, retry_after_s(headers))


def failed_in_stream(settings: Settings, speaks: Dialect, dialect: Dialect, error: bytes) -> ProviderError:
    """Return the error for one that came after a good status: as an event of a stream, or as the whole answer.

    Parameters
    ----------
    error : bytes
        The value of ``error`` in it.
    """
    said = told(error)
    status = said.status or _STATUS_OF_TYPE.get(said.type or "", 500)
    if status in _REFUSED_KEY:
        return refused(settings, speaks, dialect, status, {}, b"")
    return _error(settings, speaks, dialect, status, said, None)


def _another_may(settings: Settings, speaks: Dialect, dialect: Dialect, status: int, said: Told) -> bool:
    """Tell whether a request that one model's provider blames may be good enough for another's."""
    if status == _TOO_LARGE or not _CODES_OF_THE_MODEL.isdisjoint((said.code, said.type)):
        return True
    # What is wrong with a translation need not be wrong with what the client has sent.
    translated = speaks != dialect or settings.config.kind == "bedrock"
    return translated or _OF_THE_MODEL.search(said.message) is not None


def _error(
    settings: Settings, speaks: Dialect, dialect: Dialect, status: int, said: Told, after_s: float | None
) -> ProviderError:
    message = settings.redacted(said.message)
    text = f"{settings.name} answered HTTP {status}" + (f": {message}" if message else "")
    # Words for types are the dialects' own; codes and fields are for clients of the provider's dialect.
    same = speaks == dialect
    error = ProviderError(
        "status",
        text,
        dialect=dialect,
        status=status,
        retryable=status in RETRYABLE,
        elsewhere=status not in ITS_FAULT or _another_may(settings, speaks, dialect, status, said),
        retry_after_s=after_s,
    )
    error.body = encode_error(
        dialect,
        error.answer_status,
        message or text,
        type_=settings.redacted(said.type) if same and said.type else None,
        param=settings.redacted(said.param) if same and said.param else None,
        code=settings.redacted(said.code) if same and said.code else None,
    )
    return error
