"""JSON in and out. One encoder for all messages, and decoding that names the field that is wrong.

Rules for changing a message, so that old and new services can run side by side: a new field has a default, a field
never changes its type or meaning, and readers skip fields they do not know. A change that cannot be made so raises
``v``; a reader refuses a ``v`` above its own (`UnknownVersion`), and the message goes to the dead letters.
Requests from outside are the exception: there an unknown field is an error, because it is most likely a typo.
"""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec

from pointsman.contracts.messages.errors import InvalidMessage, UnknownVersion

T = TypeVar("T")

_encoder = msgspec.json.Encoder()
_PATH = re.compile(r"^(?P<detail>.*?)(?: - at `\$\.?(?P<path>.*)`)?$", re.DOTALL)
_NAMED = re.compile(r"`(?P<field>[^`]+)`")

VERSION = 1
"""The message version this code writes, and the highest it reads."""


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of everything that Pointsman writes to a log or a topic.

    ``omit_defaults`` keeps the messages small; ``v`` is therefore absent as long as it is 1.
    """

    v: int = VERSION


def encode(message: object) -> bytes:
    """Return the message as JSON."""
    return _encoder.encode(message)


def decode(decoder: msgspec.json.Decoder[T], data: bytes) -> T:
    """Decode one message, or raise `InvalidMessage` that names the field, or `UnknownVersion`."""
    try:
        message = decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise invalid(error) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise InvalidMessage("", f"not valid JSON: {error}") from error
    if isinstance(message, Message) and message.v > VERSION:
        raise UnknownVersion(f"message version {message.v} is newer than {VERSION}")
    return message


def invalid(error: msgspec.MsgspecError) -> InvalidMessage:
    """Turn msgspec's error into one that has the field's path apart."""
    match = _PATH.match(str(error))
    path = (match and match["path"]) or ""
    detail = match["detail"] if match else str(error)
    if "required field" in detail or "unknown field" in detail:
        named = _NAMED.search(detail)
        if named:
            path = f"{path}.{named['field']}" if path else named["field"]
    return InvalidMessage(path, detail)
