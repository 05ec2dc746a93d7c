"""AWS's event stream, written: what botocore reads.

A message: total length, length of the headers, a checksum of both, headers, payload, a checksum of all; CRC-32, and
big-endian.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any

import msgspec

_STRING = 7


def frame(payload: dict[str, Any], **headers: str) -> bytes:
    """Write a message; an underscore in a header's name stands for a hyphen."""
    head = b""
    for key, value in headers.items():
        name, text = f":{key.replace('_', '-')}".encode(), value.encode()
        head += struct.pack("!B", len(name)) + name + struct.pack("!BH", _STRING, len(text)) + text
    body = msgspec.json.encode(payload)
    prelude = struct.pack("!II", 12 + len(head) + len(body) + 4, len(head))
    message = prelude + struct.pack("!I", zlib.crc32(prelude)) + head + body
    return message + struct.pack("!I", zlib.crc32(message))


def event(kind: str, payload: dict[str, Any]) -> bytes:
    """Write an event."""
    return frame(payload, message_type="event", event_type=kind, content_type="application/json")


def exception(kind: str, message: str) -> bytes:
    """Write an exception."""
    return frame({"message": message}, message_type="exception", exception_type=kind)
