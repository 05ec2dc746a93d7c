"""A service's connection to NATS, and the five things it does with it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec
import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from pointsman.contracts.config.connections import NatsConfig
from pointsman.runtime.bus.client import ErrorListener, GuardedClient, login_options
from pointsman.runtime.bus.errors import AppendRefused, BusError, BusUnavailable, StreamMissing, WrongSequence
from pointsman.runtime.bus.requests import Headers, Requests
from pointsman.runtime.telemetry.logs import logger

log = logger("bus")

API_TIMEOUT_S = 5.0
PING_INTERVAL_S = 2
RECONNECT_WAIT_S = 0.25
_WRONG_LAST_SEQUENCE = (10071, 10164)
_STREAM_NOT_FOUND = 10059
_NO_MESSAGE = 10037
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class StoredMessage(NamedTuple):
    """A message read from a stream."""

    subject: str
    data: bytes
    sequence: int
    at_ms: int
    traceparent: str | None = None
    """W3C: the span that it was published in, when there are traces."""


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


class _Place(msgspec.Struct, frozen=True):
    seq: int = 0


class _Found(msgspec.Struct, frozen=True):
    message: _Place = _Place()
    error: _ApiError | None = None


class StreamState(msgspec.Struct, frozen=True):
    """Where a stream begins and ends, and how much of its room it takes."""

    messages: int = 0
    bytes: int = 0
    first_seq: int = 0
    last_seq: int = 0
    first_ts: str = ""
    last_ts: str = ""
    subjects: dict[str, int] = {}


class StreamConfiguration(msgspec.Struct, frozen=True):
    """The sequence that a stream was made to begin with, and how many bytes it may hold (-1: any number)."""

    first_seq: int = 1
    max_bytes: int = -1


class StreamInfo(msgspec.Struct, frozen=True):
    """A stream's state, and when it was created: its identity."""

    created: str = ""
    config: StreamConfiguration = StreamConfiguration()
    state: StreamState = StreamState()
    error: _ApiError | None = None


_ack_decoder = msgspec.json.Decoder(_Ack)
_info_decoder = msgspec.json.Decoder(StreamInfo)
_found_decoder = msgspec.json.Decoder(_Found)


class Bus:
    """Connect, publish, append to a log, read from a log, subscribe.

    Use `Bus.connect`. ``nats`` is the client itself, for what is not here.
    """

    def __init__(self, client: GuardedClient) -> None:
        self.nats: Client = client
        self._client = client
        self.requests = Requests(client)
        self._errors = ErrorListener(self.requests.deny)
        self._closing = False
        self._closed = asyncio.Event()
        self._on_reconnect: list[Callable[[], Awaitable[None]]] = []

    @classmethod
    async def connect(cls, server: NatsConfig | str, name: str) -> Bus:
        """Connect, waiting for as long as NATS cannot be reached; reconnect for ever afterwards.

        Parameters
        ----------
        server : NatsConfig or str
            Where, and as whom; or just a URL.
        name : str
            Shown in NATS's monitoring.
        """
        config = NatsConfig(url=server) if isinstance(server, str) else server
        client = GuardedClient(config.tls)
        bus = cls(client)
        try:
            await client.connect(
                servers=config.urls,
                name=name,
                max_reconnect_attempts=-1,
                reconnect_time_wait=RECONNECT_WAIT_S,  # type: ignore[arg-type]  # typed int, slept as float
                connect_timeout=2,
                ping_interval=PING_INTERVAL_S,
                max_outstanding_pings=2,
                skip_subject_validation=True,
                error_cb=bus._errors.hear,
                disconnected_cb=bus._disconnected,
                reconnected_cb=bus._reconnected,
                closed_cb=bus._was_closed,
                **login_options(config),
            )
        except BaseException:
            await client.close()  # given up: whoever called has no more patience
            raise
        await bus.requests.start()
        return bus

    @property
    def connected(self) -> bool:
        """Tell whether there is a connection right now."""
        return self.nats.is_connected

    async def until_closed(self) -> None:
        """Wait until NATS has ended the connection for good, as it does when this user's password was changed.

        A connection that is lost in another way comes back by itself.

        Raises
        ------
        BusUnavailable
            Then. Only a new connection helps, with what is then the password.
        """
        await self._closed.wait()
        raise BusUnavailable("NATS has ended the connection for good")

    def on_reconnect(self, callback: Callable[[], Awaitable[None]]) -> None:
        """Have the callback awaited after every reconnect."""
        self._on_reconnect.append(callback)

    async def close(self) -> None:
        """Send what is buffered and close."""
        self._closing = True
        try:
            await asyncio.wait_for(self.nats.drain(), 3.0)
        except (nats.errors.Error, TimeoutError):
            await self.nats.close()

    async def publish(self, subject: str, data: bytes, headers: Headers | None = None) -> None:
        """Publish on core NATS; dropped while there is no connection, as nobody could hear it."""
        if self.nats.is_connected:
            await self.nats.publish(subject, data, headers=headers)

    async def publish_many(self, subject: str, messages: Sequence[bytes]) -> None:
        """Publish on core NATS in one piece.

        Raises
        ------
        BusUnavailable
            When there is no connection.
        """
        try:
            await self._client.publish_many(subject, messages)
        except nats.errors.Error as error:
            raise BusUnavailable(f"cannot send to {subject}: {error}") from error

    async def append(
        self, subject: str, data: bytes, timeout_s: float = API_TIMEOUT_S, headers: Headers | None = None
    ) -> Appended:
        """Append to the stream that holds the subject, and wait for the acknowledgement.

        Raises
        ------
        BusUnavailable
            When there was no acknowledgement in time. The message may or may not be stored.
        AppendRefused, WrongSequence
            When the stream refused it. It is not stored.
        """
        return read_ack(await self.requests.call(subject, data, timeout_s, headers))

    async def get(self, stream: str, sequence: int, timeout_s: float = API_TIMEOUT_S) -> StoredMessage | None:
        """Read one message of a stream by its sequence; None when there is none."""
        payload = b'{"seq":%d}' % sequence
        return _stored(await self.requests.call(f"$JS.API.DIRECT.GET.{stream}", payload, timeout_s))

    async def last(self, stream: str, subject: str, timeout_s: float = API_TIMEOUT_S) -> StoredMessage | None:
        """Read the last message of a stream that has the subject; None when there is none."""
        return _stored(await self.requests.call(f"$JS.API.DIRECT.GET.{stream}.{subject}", b"", timeout_s))

    async def last_sequence(self, stream: str, subject: str, timeout_s: float = API_TIMEOUT_S) -> int:
        """Return the sequence of the last message of a stream that has the subject; 0 when there is none.

        The stream's leader is asked. `last` may be answered by one of its replicas, which can be behind.
        """
        payload = msgspec.json.encode({"last_by_subj": subject})
        reply = await self.requests.call(f"$JS.API.STREAM.MSG.GET.{stream}", payload, timeout_s)
        found = _found_decoder.decode(reply.data)
        if found.error is not None and found.error.err_code != _NO_MESSAGE:
            raise BusUnavailable(f"stream {stream}: {found.error.description}")
        return found.message.seq

    async def next(
        self, stream: str, subject: str, sequence: int, timeout_s: float = API_TIMEOUT_S
    ) -> StoredMessage | None:
        """Read the first message of a stream that has the subject, from a sequence on; None when there is none."""
        payload = msgspec.json.encode({"seq": sequence, "next_by_subj": subject})
        return _stored(await self.requests.call(f"$JS.API.DIRECT.GET.{stream}", payload, timeout_s))

    async def info(self, stream: str, timeout_s: float = API_TIMEOUT_S) -> StreamInfo:
        """Return where a stream begins and ends.

        Raises
        ------
        StreamMissing
            When there is no such stream.
        """
        reply = await self.requests.call(f"$JS.API.STREAM.INFO.{stream}", b"", timeout_s)
        info = _info_decoder.decode(reply.data)
        if info.error is not None:
            if info.error.err_code == _STREAM_NOT_FOUND:
                raise StreamMissing(stream)
            raise BusUnavailable(f"stream {stream}: {info.error.description}")
        return info

    async def subjects(self, stream: str, pattern: str, timeout_s: float = API_TIMEOUT_S) -> dict[str, int]:
        """Return how many messages a stream has of each subject that matches."""
        payload = msgspec.json.encode({"subjects_filter": pattern})
        reply = await self.requests.call(f"$JS.API.STREAM.INFO.{stream}", payload, timeout_s)
        info = _info_decoder.decode(reply.data)
        if info.error is not None:
            raise StreamMissing(stream)
        return info.state.subjects

    async def _was_closed(self) -> None:
        if not self._closing:
            log.error("NATS has ended the connection for good: %s", self.nats.last_error or "it did not say why")
            self.requests.fail_all("NATS has ended the connection")
            self._closed.set()

    async def _disconnected(self) -> None:
        self.requests.fail_all("connection to NATS lost")
        if not self.nats.is_closed and not self.nats.is_draining:
            log.warning("connection to NATS lost; reconnecting")

    async def _reconnected(self) -> None:
        log.info("connected to NATS again")
        self._errors.connected()
        for callback in self._on_reconnect:
            await callback()


def read_ack(message: Msg) -> Appended:
    """Read JetStream's acknowledgement, or raise what it refused the message for."""
    try:
        ack = _ack_decoder.decode(message.data)
    except msgspec.MsgspecError as error:
        raise BusError(f"not an acknowledgement: {message.data[:200]!r}") from error
    if ack.error is not None:
        kind = WrongSequence if ack.error.err_code in _WRONG_LAST_SEQUENCE else AppendRefused
        raise kind(ack.error.err_code, ack.error.description)
    return Appended(ack.seq, ack.duplicate)


def _stored(message: Msg) -> StoredMessage | None:
    headers = message.headers or {}
    status = headers.get("Status")
    if status == "404":
        return None
    if status is not None:
        raise BusUnavailable(f"direct get: {status} {headers.get('Description', '')}")
    at = datetime.fromisoformat(headers["Nats-Time-Stamp"][:26].rstrip("Z") + "+00:00")
    # In whole numbers: a float can be a millisecond off what a reader of the log gets.
    at_ms = (at - _EPOCH) // timedelta(milliseconds=1)
    return StoredMessage(
        headers["Nats-Subject"], message.data, int(headers["Nats-Sequence"]), at_ms, headers.get("traceparent")
    )
