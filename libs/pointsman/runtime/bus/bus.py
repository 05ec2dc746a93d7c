"""Connection of a service to NATS."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

import msgspec
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg as Message
from nats.aio.subscription import Subscription as NatsSubscription

from pointsman.contracts.config.connections import NatsConfig
from pointsman.runtime.bus.client import ErrorListener, GuardedClient, login_options
from pointsman.runtime.bus.errors import BusUnavailable, bus_errors
from pointsman.runtime.bus.jetstream import (
    Appended,
    StoredMessage,
    StreamInfo,
    read_ack,
    read_direct,
    read_info,
    read_stored,
)
from pointsman.runtime.bus.requests import Headers, Requests
from pointsman.runtime.telemetry.logs import logger

log = logger("bus")

REQUEST_TIMEOUT_S = 5.0
DIRECT_GET_TIMEOUT_S = 0.5
"""How long to wait for a replica before the stream's leader is asked."""
PING_INTERVAL_S = 2
RECONNECT_WAIT_S = 0.25
CLOSE_TIMEOUT_S = 3.0

OnMessage = Callable[[Message], Awaitable[None]]
_Wanted = dict[str, int | str]
"""Request of a message, the same for a replica and the leader."""


class Subscription:
    """A subscription on core NATS; the client renews it after a reconnect."""

    def __init__(self, inner: NatsSubscription) -> None:
        self._inner = inner

    async def unsubscribe(self) -> None:
        """End the subscription; a closed connection has ended it already."""
        with contextlib.suppress(nats.errors.Error):
            await self._inner.unsubscribe()


class Bus:
    """A connection to NATS: publish, subscribe, request, append to a log, read from a log.

    Use `Bus.connect`. ``requests`` sends requests; ``nats`` is the client, for the modules of this package and tests.
    Every method raises `BusUnavailable` when NATS cannot be reached or does not respond in time, and `StreamMissing`
    when there is no such stream.
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
        """Connect, waiting until NATS can be reached; afterwards reconnect without limit.

        ``server``: address and credentials, or only a URL.
        ``name``: name of the connection in NATS's monitoring.

        Raise `BusUnavailable` when NATS refuses the connection.
        """
        config = NatsConfig(url=server) if isinstance(server, str) else server
        client = GuardedClient(config)
        bus = cls(client)
        try:
            with bus_errors("cannot connect to NATS"):
                await client.connect(
                    servers=config.urls,
                    name=name,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=RECONNECT_WAIT_S,  # type: ignore[arg-type]  # typed int, slept as float
                    connect_timeout=2,
                    ping_interval=PING_INTERVAL_S,
                    max_outstanding_pings=2,
                    skip_subject_validation=True,
                    error_cb=bus._errors.on_error,
                    disconnected_cb=bus._disconnected,
                    reconnected_cb=bus._reconnected,
                    closed_cb=bus._on_closed,
                    **login_options(config, client),
                )
                await bus.requests.start()
        except BaseException:
            await client.close()  # also when the caller cancels: the client would go on trying
            raise
        return bus

    @property
    def connected(self) -> bool:
        """Whether there is a connection at present."""
        return self.nats.is_connected

    @property
    def reconnects(self) -> int:
        """Number of reconnects so far. What was sent before the last one may be lost."""
        return self.nats.stats["reconnects"]

    async def until_closed(self) -> None:
        """Wait until NATS has ended the connection permanently, as it does when this user's password is changed.

        A connection that is lost in another way is restored by itself.

        Raise `BusUnavailable` when that happens. Only a new connection, with the new password, helps.
        """
        await self._closed.wait()
        raise BusUnavailable("NATS has ended the connection permanently")

    def on_reconnect(self, callback: Callable[[], Awaitable[None]]) -> None:
        """Await the callback after every reconnect."""
        self._on_reconnect.append(callback)

    async def close(self) -> None:
        """Send what is buffered and close."""
        self._closing = True
        try:
            await asyncio.wait_for(self.nats.drain(), CLOSE_TIMEOUT_S)
        except (nats.errors.Error, TimeoutError):
            await self.nats.close()

    async def subscribe(self, subject: str, on_message: OnMessage) -> Subscription:
        """Subscribe on core NATS."""
        with bus_errors(f"cannot subscribe to {subject}"):
            return Subscription(await self.nats.subscribe(subject, cb=on_message))

    async def flush(self, timeout_s: float) -> None:
        """Wait until the server has processed everything sent so far, subscriptions included."""
        with bus_errors("cannot flush"):
            await self.nats.flush(timeout_s)  # type: ignore[arg-type]  # typed int, waited for as float

    async def publish(self, subject: str, data: bytes, headers: Headers | None = None) -> None:
        """Publish on core NATS. The message is dropped while there is no connection: it would arrive too late."""
        if self.nats.is_connected:
            try:  # not `bus_errors`: this is on the path of each decision
                await self.nats.publish(subject, data, headers=headers)
            except nats.errors.Error as error:
                raise BusUnavailable(f"cannot send to {subject}: {error}") from error

    async def publish_many(self, subject: str, messages: Sequence[bytes]) -> None:
        """Publish messages on core NATS in one write."""
        with bus_errors(f"cannot send to {subject}"):
            await self._client.publish_many(subject, messages)

    async def gather(
        self, subject: str, *, wait_s: float, quiet_s: float, enough: Callable[[Sequence[Message]], bool]
    ) -> list[Message]:
        """Send one request to all processes that serve a subject; return their responses.

        Their number is unknown. So it ends after a pause without a response, if the responses so far are enough, or
        when the time is up.

        ``wait_s``: maximum time to wait.
        ``quiet_s``: pause without a response that ends the wait, if `enough` agrees.
        ``enough``: given the responses so far, returns whether all processes that are known are among them.

        Raise `BusUnavailable` when the request cannot be sent.
        """
        if not self.connected:
            raise BusUnavailable("not connected to NATS")
        loop = asyncio.get_running_loop()
        responses: list[Message] = []
        arrived = asyncio.Event()
        no_responders = False

        async def on_message(message: Message) -> None:
            nonlocal no_responders
            if message.headers and message.headers.get("Status") == "503":
                no_responders = True
            else:
                responses.append(message)
            arrived.set()

        inbox = self.nats.new_inbox()
        subscription = await self.subscribe(inbox, on_message)
        try:
            with bus_errors(f"cannot send to {subject}"):
                await self.nats.publish(subject, b"", reply=inbox)
            deadline = loop.time() + wait_s
            while not no_responders and (left := deadline - loop.time()) > 0.0:
                arrived.clear()
                try:
                    async with asyncio.timeout(min(left, quiet_s) if responses and enough(responses) else left):
                        await arrived.wait()
                except TimeoutError:
                    break
        finally:
            await subscription.unsubscribe()
        return responses

    async def append(
        self, subject: str, data: bytes, timeout_s: float = REQUEST_TIMEOUT_S, headers: Headers | None = None
    ) -> Appended:
        """Append to the stream that holds the subject, and wait for the acknowledgement.

        Raise `BusUnavailable` without an acknowledgement in time. The message may or may not be stored.
        Raise `AppendRefused` or `WrongSequence` when the stream refused the message. It is not stored.
        """
        return read_ack(await self.requests.call(subject, data, timeout_s, headers))

    async def get(self, stream: str, sequence: int, timeout_s: float = REQUEST_TIMEOUT_S) -> StoredMessage | None:
        """Read one message of a stream by its sequence; None when there is none."""
        return await self._read(stream, {"seq": sequence}, timeout_s)

    async def next(
        self, stream: str, subject: str, sequence: int, timeout_s: float = REQUEST_TIMEOUT_S
    ) -> StoredMessage | None:
        """Read the first message of a stream that has the subject, from a sequence on; None when there is none."""
        return await self._read(stream, {"seq": sequence, "next_by_subj": subject}, timeout_s)

    async def last(self, stream: str, subject: str, timeout_s: float = REQUEST_TIMEOUT_S) -> StoredMessage | None:
        """Read the last message of a stream that has the subject; None when there is none.

        The stream's leader responds: another replica may not have the last message yet.
        """
        return await self._read_from_leader(stream, {"last_by_subj": subject}, timeout_s)

    async def last_sequence(self, stream: str, subject: str, timeout_s: float = REQUEST_TIMEOUT_S) -> int:
        """Return the sequence of the last message of a stream that has the subject; 0 when there is none."""
        last = await self.last(stream, subject, timeout_s)
        return last.sequence if last is not None else 0

    async def _read(self, stream: str, wanted: _Wanted, timeout_s: float) -> StoredMessage | None:
        """Read a message from any replica. A replica may be behind or hang, so only the leader reports that there is
        no such message.
        """
        deadline = asyncio.get_running_loop().time() + timeout_s
        direct_s = min(timeout_s / 2, DIRECT_GET_TIMEOUT_S)
        try:
            found = read_direct(
                await self.requests.call(f"$JS.API.DIRECT.GET.{stream}", msgspec.json.encode(wanted), direct_s)
            )
        except BusUnavailable:
            found = None
        if found is not None:
            return found
        return await self._read_from_leader(stream, wanted, deadline - asyncio.get_running_loop().time())

    async def _read_from_leader(self, stream: str, wanted: _Wanted, timeout_s: float) -> StoredMessage | None:
        """Read a message from the stream's leader. Raise `BusUnavailable` while there is none."""
        payload = msgspec.json.encode(wanted)
        return read_stored(await self.requests.call(f"$JS.API.STREAM.MSG.GET.{stream}", payload, timeout_s), stream)

    async def info(self, stream: str, timeout_s: float = REQUEST_TIMEOUT_S) -> StreamInfo:
        """Return the state of a stream."""
        return read_info(await self.requests.call(f"$JS.API.STREAM.INFO.{stream}", b"", timeout_s), stream)

    async def subjects(self, stream: str, pattern: str, timeout_s: float = REQUEST_TIMEOUT_S) -> dict[str, int]:
        """Return the number of messages of a stream by subject, for the subjects that match."""
        payload = msgspec.json.encode({"subjects_filter": pattern})
        info = read_info(await self.requests.call(f"$JS.API.STREAM.INFO.{stream}", payload, timeout_s), stream)
        return info.state.subjects

    async def _on_closed(self) -> None:
        if not self._closing:
            log.error("NATS has ended the connection permanently: %s", self.nats.last_error or "no reason given")
            self.requests.fail_all("NATS has ended the connection")
            self._closed.set()

    async def _disconnected(self) -> None:
        self.requests.fail_all("connection to NATS lost")
        if not self.nats.is_closed and not self.nats.is_draining:
            log.warning("connection to NATS lost; reconnecting")

    async def _reconnected(self) -> None:
        log.info("connected to NATS again")
        self._errors.reset()
        self.requests.writes.reset()
        for callback in self._on_reconnect:
            await callback()
