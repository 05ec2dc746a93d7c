"""JSON encoding and decoding of messages; a decoding error names the field that is wrong.

Rules for changing a message, so that old and new services can run at the same time: a new field has a default, a field
never changes its type or meaning, and readers skip fields they do not know. Any other change raises the ``version`` of
the message's class. A reader refuses a message with a ``v`` above its own (`UnknownVersion`) and waits until it is
upgraded: it never skips one (ADR 0027).
Requests from clients are the exception: an unknown field is an error there, because it is most likely a typo.
"""

from typing import Any, ClassVar, TypeVar, get_args

import msgspec

from pointsman.contracts.messages.errors import InvalidMessage, UnknownVersion
from pointsman.contracts.messages.nesting import check_nesting
from pointsman.core.violations import explain

T = TypeVar("T")

_encoder = msgspec.json.Encoder()

FIRST_VERSION = 1
"""What a message without ``v`` has, permanently."""

MAX_VERSION = 1000
"""A higher ``v`` is no version but an invalid message, for which no reader waits."""


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of every message that Pointsman writes to a log or a topic.

    ``omit_defaults`` keeps the messages small; ``v`` is therefore absent while it is 1. ``version`` is the version that
    this code writes and the highest that it reads. A class that raises it must still read the versions before.
    """

    version: ClassVar[int] = FIRST_VERSION

    v: int = FIRST_VERSION


def encode(message: object) -> bytes:
    """Return the message as JSON, with its version unless that is the first."""
    if isinstance(message, Message) and message.version > FIRST_VERSION == message.v:
        message = msgspec.structs.replace(message, v=message.version)
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
        found = _decode_untyped(data)
        check_version(found.get("v") if isinstance(found, dict) else None, decoder.type)
        raise InvalidMessage(*explain(error, found, decoder.type)) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise InvalidMessage("", f"not valid JSON: {error}") from error
    if isinstance(message, Message) and message.v > message.version:
        check_version(message.v, type(message))
        raise InvalidMessage("v", f"expected at most {MAX_VERSION}, got {message.v}")
    return message


def check_version(v: Any, wanted: Any) -> None:
    """Raise `UnknownVersion` if a message has a version above that of its class, or of any class of a union."""
    versions = [kind.version for kind in get_args(wanted) or (wanted,) if issubclass(kind, Message)]
    if versions and isinstance(v, int) and max(versions) < v <= MAX_VERSION:
        raise UnknownVersion(f"message version {v} is newer than {max(versions)}")


def _decode_untyped(data: bytes) -> Any:
    """Return the data of a message that does not fit its type, to show what is in the field; None for invalid JSON."""
    try:
        value = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    check_nesting(value)  # only shallow data can be shown
    return value
