"""Reading a request's body, never more of it than is allowed."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from starlette.types import Receive, Scope

from pointsman.contracts.messages.codec import decode
from pointsman.contracts.messages.errors import InvalidMessage
from pointsman.contracts.messages.validation import find_non_finite
from pointsman_gateway.http.problems import ProblemError

T = TypeVar("T")


class ClientDisconnected(Exception):
    """The client hung up before its request was whole."""


async def read_body(scope: Scope, receive: Receive, max_bytes: int) -> bytes:
    """Return the body.

    Raises
    ------
    ProblemError
        413 as soon as the body is known to be too long: by its declared length, or else while it comes in.
    ClientDisconnected
    """
    for name, value in scope["headers"]:
        if name == b"content-length":
            if not value.isdigit() or int(value) > max_bytes:
                raise _too_long(max_bytes)
            break
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnected
    body: bytes = message.get("body", b"")
    if len(body) <= max_bytes and not message.get("more_body", False):
        return body  # the usual case: all of it came at once
    parts, size = [body], len(body)
    while size <= max_bytes and message.get("more_body", False):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        parts.append(message.get("body", b""))
        size += len(parts[-1])
    if size > max_bytes:
        raise _too_long(max_bytes)
    return b"".join(parts)


def decode_body(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """Decode a body, or raise `InvalidMessage` that names the field, also when that holds a NaN."""
    try:
        return decode(decoder, body)
    except InvalidMessage as error:
        named = None if error.field else find_non_finite(body)
        if named is None:
            raise
        raise named from error.__cause__


def _too_long(max_bytes: int) -> ProblemError:
    # The rest of the body is not read, so the connection cannot be used again.
    return ProblemError(413, f"expected a body of at most {max_bytes} bytes", headers=(("connection", "close"),))
