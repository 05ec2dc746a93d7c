"""Decoding of JSON from providers, some of which write what JSON does not have.

Servers in Python write ``NaN`` and ``Infinity``; others begin with a byte order mark or use UTF-16. Both, and numbers
beyond every type, are decoded in a second, slower try; what is no number is null.
"""

from __future__ import annotations

import json
from typing import Any, TypeVar

import msgspec

MAX_REPAIRED_BYTES = 256 * 1024
"""The second try is made up to this length, because it is slow."""
MAX_CONTAINERS = 1_000_000
"""Most objects and lists in JSON of more than `MAX_REPAIRED_BYTES`: each takes twenty times its length in memory."""
MAX_OBJECT_BYTES = 16 * 1024 * 1024
"""Longest JSON that is decoded with all its fields."""
MAX_DIGITS = 18
MAX_NUMBER = 1e300
"""Longer and larger numbers are shortened to these: they are not read, or not plausible anyway."""

Decoded = TypeVar("Decoded")
_any_object = msgspec.json.Decoder(dict[str, Any])


def decode_answer(decoder: msgspec.json.Decoder[Decoded], data: bytes) -> Decoded:
    """Decode JSON; raise `msgspec.MsgspecError` when it is not readable, also for text that is not Unicode.

    JSON that is nested as deep as the interpreter's stack is not readable.
    """
    if len(data) > MAX_REPAIRED_BYTES and data.count(b"{") + data.count(b"[") > MAX_CONTAINERS:
        raise msgspec.DecodeError("too many objects and lists")
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        if len(data) > MAX_REPAIRED_BYTES:
            raise msgspec.DecodeError("not valid JSON") from error
        return decoder.decode(_repaired(data))
    except RecursionError:
        raise msgspec.DecodeError("nested too deeply") from None


def decode_object(data: bytes) -> dict[str, Any]:
    """Decode a JSON object of at most `MAX_OBJECT_BYTES` as `decode_answer` does, with all its fields."""
    if len(data) > MAX_OBJECT_BYTES:
        raise msgspec.DecodeError("too long to be translated")
    return decode_answer(_any_object, data)


def _repaired(data: bytes) -> bytes:
    try:
        return msgspec.json.encode(
            json.loads(data, parse_int=_integer, parse_float=_number, parse_constant=lambda _: None)
        )
    except (ValueError, RecursionError) as error:
        raise msgspec.DecodeError("not valid JSON") from error


def _integer(digits: str) -> int:
    return int(digits[:MAX_DIGITS])


def _number(text: str) -> float:
    return max(-MAX_NUMBER, min(float(text), MAX_NUMBER))
