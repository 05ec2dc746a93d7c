"""NATS: the connection, the streams, request and reply, ordered reading."""

from pointsman.runtime.bus.bus import Appended, Bus, StoredMessage, StreamInfo, read_ack
from pointsman.runtime.bus.errors import (
    AppendRefused,
    BusError,
    BusUnavailable,
    NoAnswer,
    NoResponders,
    NotPermitted,
    PoliciesUnreadable,
    StreamMissing,
    WrongSequence,
)
from pointsman.runtime.bus.reader import LogReader
from pointsman.runtime.bus.streams import await_streams, ensure_streams

__all__ = [
    "AppendRefused",
    "Appended",
    "Bus",
    "BusError",
    "BusUnavailable",
    "LogReader",
    "NoAnswer",
    "NoResponders",
    "NotPermitted",
    "PoliciesUnreadable",
    "StoredMessage",
    "StreamInfo",
    "StreamMissing",
    "WrongSequence",
    "await_streams",
    "ensure_streams",
    "read_ack",
]
