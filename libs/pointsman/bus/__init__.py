"""NATS: the connection, the streams, request and reply, ordered reading."""

from pointsman.bus.bus import Appended, Bus, StoredMessage, StreamInfo, read_ack
from pointsman.bus.errors import AppendRefused, BusError, BusUnavailable, NoResponders, StreamMissing, WrongSequence
from pointsman.bus.reader import LogReader
from pointsman.bus.streams import ensure_streams

__all__ = [
    "AppendRefused",
    "Appended",
    "Bus",
    "BusError",
    "BusUnavailable",
    "LogReader",
    "NoResponders",
    "StoredMessage",
    "StreamInfo",
    "StreamMissing",
    "WrongSequence",
    "ensure_streams",
    "read_ack",
]
