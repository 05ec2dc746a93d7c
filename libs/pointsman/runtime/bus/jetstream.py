"""JetStream's messages: stored messages, acknowledgements, stream information."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec
from nats.aio.msg import Msg as Message

from pointsman.runtime.bus.errors import (
    AppendRefused,
    BusError,
    BusUnavailable,
    StreamMissing,
    UpdateRefused,
    WrongSequence,
)

STREAM_NOT_FOUND = 10059
_WRONG_LAST_SEQUENCE = (10071, 10164)
_NO_MESSAGE = 10037
_NO_ROOM = (10023, 10028, 10047)
"""JetStream has no resources, memory or storage left. A stream that is full by its own limit has another error."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class StoredMessage(NamedTuple):
    """A message read from a stream."""

    subject: str
    data: bytes
    sequence: int
    at_ms: int
    traceparent: str | None = None
    """W3C trace context of the span that published the message; None without tracing."""


class Appended(NamedTuple):
    """Where a message is stored; ``duplicate`` when one with the same message id was stored before."""

    sequence: int
    duplicate: bool


class _ApiError(msgspec.Struct, frozen=True):
    code: int = 0
    err_code: int = 0
    description: str = ""


class _Ack(msgspec.Struct, frozen=True):
    seq: int = 0
    duplicate: bool = False
    error: _ApiError | None = None


class _ApiMessage(msgspec.Struct, frozen=True):
    """A message in the response of a leader; JSON has the bytes in base64."""

    subject: str = ""
    seq: int = 0
    hdrs: bytes = b""
    data: bytes = b""
    time: str = ""


class _ApiResponse(msgspec.Struct, frozen=True):
    message: _ApiMessage = _ApiMessage()
    name: str = ""
    num_pending: int = 0
    error: _ApiError | None = None


class StreamState(msgspec.Struct, frozen=True):
    """First and last message of a stream, and its size."""

    messages: int = 0
    bytes: int = 0
    first_seq: int = 0
    last_seq: int = 0
    first_ts: str = ""
    last_ts: str = ""
    subjects: dict[str, int] = {}

    @property
    def missing(self) -> int:
        """Number of messages between the first and the last that NATS does not have; nothing deletes single ones."""
        return self.last_seq - self.first_seq + 1 - self.messages if self.messages else 0


class StreamConfiguration(msgspec.Struct, frozen=True):
    """The sequence at which a stream begins, its maximum size in bytes (-1: unlimited), and how many copies it has."""

    first_seq: int = 1
    max_bytes: int = -1
    num_replicas: int = 1


class Follower(msgspec.Struct, frozen=True):
    """A server that follows the leader of a stream; ``lag``: number of operations that it is behind."""

    name: str
    current: bool = False
    offline: bool = False
    lag: int = 0


class StreamCluster(msgspec.Struct, frozen=True):
    """The servers of a stream; ``leader`` is empty while there is none."""

    leader: str = ""
    replicas: list[Follower] = []


class StreamInfo(msgspec.Struct, frozen=True):
    """State of a stream, and its time of creation, which identifies it.

    ``cluster``: None where NATS is a single server.
    """

    created: str = ""
    config: StreamConfiguration = StreamConfiguration()
    state: StreamState = StreamState()
    cluster: StreamCluster | None = None
    error: _ApiError | None = None

    @property
    def current_replicas(self) -> int:
        """Number of servers that have all messages."""
        if self.cluster is None:
            return 1
        current = [follower for follower in self.cluster.replicas if follower.current and not follower.offline]
        return len(current) + (1 if self.cluster.leader else 0)

    @property
    def replica_problems(self) -> list[str]:
        """Which servers do not have all messages."""
        if self.cluster is None:
            return []
        problems = [] if self.cluster.leader else ["no server is the leader"]
        for follower in self.cluster.replicas:
            if follower.offline:
                problems.append(f"{follower.name} is offline")
            elif not follower.current:
                problems.append(f"{follower.name} is not current" + (f" (lag {follower.lag:,})" * bool(follower.lag)))
        return problems


_ack_decoder = msgspec.json.Decoder(_Ack)
_info_decoder = msgspec.json.Decoder(StreamInfo)
_response_decoder = msgspec.json.Decoder(_ApiResponse)


def read_ack(message: Message) -> Appended:
    """Decode JetStream's acknowledgement.

    Raise `AppendRefused` or `WrongSequence` when the stream refused the message,
    `BusError` when the message is not an acknowledgement.
    """
    try:
        ack = _ack_decoder.decode(message.data)
    except msgspec.MsgspecError as error:
        raise BusError(f"not an acknowledgement: {message.data[:200]!r}") from error
    if ack.error is not None:
        kind = WrongSequence if ack.error.err_code in _WRONG_LAST_SEQUENCE else AppendRefused
        raise kind(ack.error.err_code, ack.error.description)
    return Appended(ack.seq, ack.duplicate)


def storage_refusal(data: bytes) -> str:
    """Return why JetStream could not store a message, given its response; empty for any other response."""
    if not data.startswith(b'{"error"'):
        return ""
    try:
        error = _ack_decoder.decode(data).error
    except msgspec.MsgspecError:
        return ""
    if error is None or (error.err_code not in _NO_ROOM and "no space" not in error.description):
        return ""
    return error.description


def read_direct(message: Message) -> StoredMessage | None:
    """Decode the response to a direct get; None when there is no such message."""
    headers = message.headers or {}
    status = headers.get("Status")
    if status == "404":
        return None
    if status is not None:
        raise BusUnavailable(f"direct get: {status} {headers.get('Description', '')}")
    at_ms = unix_ms(headers["Nats-Time-Stamp"])
    return StoredMessage(
        headers["Nats-Subject"], message.data, int(headers["Nats-Sequence"]), at_ms, headers.get("traceparent")
    )


def unix_ms(timestamp: str) -> int:
    """Return an RFC 3339 timestamp of NATS, which has nanoseconds, in Unix milliseconds, or raise `ValueError`."""
    at = datetime.fromisoformat(timestamp[:26].rstrip("Z") + "+00:00")
    # Integer arithmetic: a float can be a millisecond off the value that a reader of the log gets.
    return (at - _EPOCH) // timedelta(milliseconds=1)


def read_stored(message: Message, stream: str) -> StoredMessage | None:
    """Decode a leader's response to a request of a message; None when there is no such message."""
    response = _response_decoder.decode(message.data)
    if response.error is not None:
        if response.error.err_code == _NO_MESSAGE:
            return None
        raise BusUnavailable(f"stream {stream}: {response.error.description}")
    found = response.message
    lines = (line.partition(":") for line in found.hdrs.decode().split("\r\n"))
    traceparent = next((value.strip() for name, _, value in lines if name == "traceparent"), None)
    return StoredMessage(found.subject, found.data, found.seq, unix_ms(found.time), traceparent)


def read_info(message: Message, stream: str) -> StreamInfo:
    """Decode a stream's information, or raise `StreamMissing`."""
    info = _info_decoder.decode(message.data)
    _check(info.error, stream)
    return info


def read_created(message: Message, stream: str) -> tuple[str, int]:
    """Decode the response to the creation of a consumer: its name, and the number of messages it has to deliver.

    Raise `StreamMissing` when there is no such stream.
    """
    created = _response_decoder.decode(message.data)
    _check(created.error, stream)
    return created.name, created.num_pending


def read_update(message: Message) -> None:
    """Decode the response to a creation or update of a stream; raise `UpdateRefused` when NATS refused it."""
    error = _info_decoder.decode(message.data).error
    if error is not None:
        raise UpdateRefused(error.err_code, error.description)


def _check(error: _ApiError | None, stream: str) -> None:
    if error is not None:
        if error.err_code == STREAM_NOT_FOUND:
            raise StreamMissing(f"stream {stream} does not exist")
        raise BusUnavailable(f"stream {stream}: {error.description}")
