"""JSON encoding and decoding of messages; a decoding error names the field that is wrong.

Rules for changing a message, so that old and new services can run at the same time: a new field has a default, a field
never changes its type or meaning, and readers skip fields they do not know. Any other change raises ``v``. A reader
refuses a message with a ``v`` above its own (`UnknownVersion`) and publishes it as a dead letter.
Requests from clients are the exception: an unknown field is an error there, because it is most likely a typo.
"""

from typing import Any, TypeVar

import msgspec

from pointsman.contracts.messages.errors import InvalidMessage, UnknownVersion
from pointsman.contracts.messages.nesting import check_nesting
from pointsman.core.violations import explain

T = TypeVar("T")

_encoder = msgspec.json.Encoder()

VERSION = 1
"""The message version this code writes, and the highest it reads."""


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of every message that Pointsman writes to a log or a topic.

    ``omit_defaults`` keeps the messages small; ``v`` is therefore absent as long as it is 1.
    """

    v: int = VERSION


def encode(message: object) -> bytes:
    """Return the message as JSON."""
    return _encoder.encode(message)


def decode(decoder: msgspec.json.Decoder[T], data: bytes) -> T:
    """Decode one message.

    Raises
    ------
    InvalidMessage
        With the path of the first field that is wrong.
    UnknownVersion
        When a newer Pointsman wrote the message.
    """
    try:
        message = decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise InvalidMessage(*explain(error, _decode_untyped(data), decoder.type)) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise InvalidMessage("", f"not valid JSON: {error}") from error
    if isinstance(message, Message) and message.v > VERSION:
        raise UnknownVersion(f"message version {message.v} is newer than {VERSION}")
    return message


def _decode_untyped(data: bytes) -> Any:
    """Return the data of a message that does not fit its type, to show what is in the field; None for invalid JSON."""
    try:
        value = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    check_nesting(value)  # only shallow data can be shown
    return value
