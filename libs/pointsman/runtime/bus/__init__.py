"""NATS: connection, requests, streams, ordered reading. The only package that imports the NATS client."""

from nats.aio.msg import Msg as Message

from pointsman.runtime.bus.bus import Bus, Subscription
from pointsman.runtime.bus.errors import (
    AppendRefused,
    BusError,
    BusUnavailable,
    NoResponders,
    NoResponse,
    NotPermitted,
    PoliciesUnreadable,
    StreamMissing,
    StreamsLost,
    WrongSequence,
)
from pointsman.runtime.bus.jetstream import Appended, StoredMessage, StreamInfo, read_ack
from pointsman.runtime.bus.reader import LogReader
from pointsman.runtime.bus.streams import await_streams, ensure_streams

__all__ = [
    "AppendRefused",
    "Appended",
    "Bus",
    "BusError",
    "BusUnavailable",
    "LogReader",
    "Message",
    "NoResponders",
    "NoResponse",
    "NotPermitted",
    "PoliciesUnreadable",
    "StoredMessage",
    "StreamInfo",
    "StreamMissing",
    "StreamsLost",
    "Subscription",
    "WrongSequence",
    "await_streams",
    "ensure_streams",
    "read_ack",
]
