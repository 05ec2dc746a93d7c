"""NATS: the connection, the streams, request and reply, ordered reading."""

from pointsman.bus.bus import Appended, Bus, StoredMessage, StreamInfo, read_ack
from pointsman.bus.errors import (
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
from pointsman.bus.reader import LogReader
from pointsman.bus.streams import await_streams, ensure_streams

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
