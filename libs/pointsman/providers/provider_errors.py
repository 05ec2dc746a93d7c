"""What a provider says when it refuses: read from its answer, and said again in the client's dialect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from pointsman.providers.base import Dialect
from pointsman.providers.config import Settings
from pointsman.providers.error_bodies import encode_error
from pointsman.providers.errors import ProviderError
from pointsman.providers.retrying import ITS_FAULT, RETRYABLE, retry_after_s

MAX_MESSAGE_CHARS = 2000
_REFUSED_KEY = frozenset({401, 403})
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
    if not isinstance(value, dict):
        return Told("")
    inner = value.get("error")
    if isinstance(inner, str):
        return Told(inner[:MAX_MESSAGE_CHARS])
    found: dict[str, Any] = inner if isinstance(inner, dict) else value
    message = next((found[name] for name in ("message", "Message", "detail") if isinstance(found.get(name), str)), "")
    code = found.get("code") if found.get("code") is not None else found.get("error_code")
    kind = found.get("type")
    return Told(
        message[:MAX_MESSAGE_CHARS],
        kind[:100] if isinstance(kind, str) else None,
        found["param"][:200] if isinstance(found.get("param"), str) else None,
        str(code)[:100] if isinstance(code, str | int) else None,
        code if isinstance(code, int) and 400 <= code <= 599 else None,
    )


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
    """Return the error for one that came as an event of a stream.

    Parameters
    ----------
    error : bytes
        The object inside the event.
    """
    said = told(error)
    status = said.status or _STATUS_OF_TYPE.get(said.type or "", 500)
    if status in _REFUSED_KEY:
        return refused(settings, speaks, dialect, status, {}, b"")
    return _error(settings, speaks, dialect, status, said, None)


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
        elsewhere=status not in ITS_FAULT,
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
