"""Ordered reader of a stream: no message is missed, none is returned twice."""

import asyncio
import contextlib
import logging
import time
from collections import deque
from datetime import UTC, datetime
from typing import Any

import msgspec
from nats.aio.msg import Msg as Message

from pointsman.runtime.bus.bus import REQUEST_TIMEOUT_S, Bus, Subscription
from pointsman.runtime.bus.errors import BusError, BusUnavailable, StreamMissing, bus_errors
from pointsman.runtime.bus.jetstream import StoredMessage, read_created
from pointsman.runtime.telemetry.logs import logger

log = logger("bus.reader")

HEARTBEAT_S = 1.0
PULL_EXPIRES_S = 30.0
SILENCE_TIMEOUT_S = 3.5 * HEARTBEAT_S
CONSUMER_INACTIVE_S = 60
RESTART_DELAY_S = 0.1
CONNECTION_LOST = "the connection was lost"
_NS = 1_000_000_000


class LogReader:
    """An ordered reader of one subject of a stream.

    On the server it has only an ephemeral consumer without acknowledgements, and it does not rely on it: the consumer
    numbers its deliveries, and at the first gap in these numbers, after a time without a heartbeat, or at any error,
    the reader creates a new consumer that starts after the last message that was returned. One pull request is
    outstanding at a time, so at most ``max_batch`` messages are buffered here.

    ``subject``: may have wildcards.
    ``start``: first stream sequence to read.
    ``max_batch``: maximum number of messages that `next_batch` returns.
    ``since_ms``: begin with the first message that was stored at this time (Unix milliseconds) or later.
    ``last_per_subject``: begin with the last message of each subject instead of ``start``, and again after every
    restart of the reader; for key-value buckets.
    """

    def __init__(
        self,
        bus: Bus,
        stream: str,
        subject: str,
        start: int = 1,
        *,
        max_batch: int = 500,
        since_ms: int | None = None,
        last_per_subject: bool = False,
    ) -> None:
        self._bus = bus
        self._stream = stream
        self._subject = subject
        self._next = start
        self._max_batch = max_batch
        self._since_ms = since_ms
        self._from_last = last_per_subject
        self._subscription: Subscription | None = None
        self._inbox = ""
        self._consumer = ""
        self._connection = 0
        self._delivered = 0
        self._outstanding = 0
        self._messages: deque[StoredMessage] = deque()
        self._arrived = asyncio.Event()
        self._received_at = 0.0
        self._pulled_at = 0.0
        self._broken: str | None = "not started"
        self.pending = 0
        """Number of messages that the server still had to deliver after the last one."""
        self.restarts = -1
        """Number of restarts with a new consumer."""

    @property
    def idle(self) -> bool:
        """Whether all messages were returned, according to the server's last delivery."""
        return self._broken is None and not self._messages and self.pending == 0

    async def complete_at(self) -> float | None:
        """Return a Unix time in seconds before which every stored message was returned; None while more are to come.

        It requests the subject's last sequence from the server. A heartbeat would not be enough: it may have waited
        here while this process was stopped, with messages behind it.
        """
        requested_at = time.time()
        if not self.idle or await self._bus.last_sequence(self._stream, self._subject) >= self._next:
            return None
        return requested_at

    async def next_batch(self, wait_s: float) -> list[StoredMessage]:
        """Return the available messages, in order; wait for one if there is none.

        ``wait_s``: maximum time to wait. An empty list means that no message came.

        Raise `BusUnavailable` or `StreamMissing` when the stream cannot be read. The next call tries again.
        """
        deadline = asyncio.get_running_loop().time() + wait_s
        while not self._messages:
            await self._repair()
            self._arrived.clear()
            now = asyncio.get_running_loop().time()
            if now >= deadline:
                return []
            quiet_until = max(self._received_at, self._pulled_at) + SILENCE_TIMEOUT_S
            try:
                async with asyncio.timeout(max(min(deadline, quiet_until) - now, 0.001)):
                    await self._arrived.wait()
            except TimeoutError:
                if asyncio.get_running_loop().time() >= quiet_until:
                    self._broken = "no heartbeat"
        self._since_ms = None  # after a restart, the sequence is known
        batch = [self._messages.popleft() for _ in range(min(len(self._messages), self._max_batch))]
        self._next = batch[-1].sequence + 1
        if not self._messages and self._broken is None and self._outstanding == 0:
            await self._pull()  # the next messages are transferred while the caller handles these
        return batch

    async def close(self) -> None:
        """Delete the consumer on the server."""
        await self._drop()

    async def _repair(self) -> None:
        if self._broken is None and self._connection != self._bus.reconnects:
            self._broken = CONNECTION_LOST
        if self._broken is not None:
            if self.restarts >= 0:
                level = logging.DEBUG if self._broken == CONNECTION_LOST else logging.INFO  # the bus has logged that
                log.log(level, "reader of %s restarts after %d: %s", self._subject, self._next - 1, self._broken)
            try:
                await self._start()
            except StreamMissing:
                raise
            except BusError as error:
                await asyncio.sleep(RESTART_DELAY_S)
                raise BusUnavailable(f"cannot read {self._stream}: {error}") from error
        elif self._outstanding == 0:
            await self._pull()

    async def _start(self) -> None:
        await self._drop()
        if not self._bus.connected:
            raise BusUnavailable("not connected to NATS")
        connection = self._bus.reconnects
        self._inbox = self._bus.nats.new_inbox()
        self._subscription = await self._bus.subscribe(self._inbox, self._on_message)
        start: dict[str, Any] = {"deliver_policy": "by_start_sequence", "opt_start_seq": max(self._next, 1)}
        if self._since_ms is not None:
            at = datetime.fromtimestamp(self._since_ms / 1000.0, UTC)
            start = {"deliver_policy": "by_start_time", "opt_start_time": at.isoformat()}
        if self._from_last:  # also after a restart: the sequences of a recreated bucket begin at 1 again
            start = {"deliver_policy": "last_per_subject"}
        request = {
            "stream_name": self._stream,
            "config": {
                **start,
                "ack_policy": "none",
                "max_deliver": 1,
                "filter_subject": self._subject,
                "mem_storage": True,
                "num_replicas": 1,
                "inactive_threshold": CONSUMER_INACTIVE_S * _NS,
            },
        }
        reply = await self._bus.requests.call(
            f"$JS.API.CONSUMER.CREATE.{self._stream}", msgspec.json.encode(request), REQUEST_TIMEOUT_S
        )
        self._consumer, self.pending = read_created(reply, self._stream)
        self._connection = connection
        self._received_at = asyncio.get_running_loop().time()
        self._delivered = 0
        self._messages.clear()
        self._broken = None
        self.restarts += 1
        await self._pull()

    async def _pull(self) -> None:
        if self._subscription is None:
            return
        self._outstanding = self._max_batch
        self._pulled_at = asyncio.get_running_loop().time()
        pull = {
            "batch": self._max_batch,
            "expires": int(PULL_EXPIRES_S * _NS),
            "idle_heartbeat": int(HEARTBEAT_S * _NS),
        }
        with bus_errors(f"cannot read {self._stream}"):
            await self._bus.nats.publish(
                f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._consumer}",
                msgspec.json.encode(pull),
                reply=self._inbox,
            )

    async def _drop(self) -> None:
        self._outstanding = 0
        subscription, self._subscription = self._subscription, None
        if subscription is None:
            return
        await subscription.unsubscribe()
        if self._consumer:
            with contextlib.suppress(BusUnavailable):  # the server deletes it by itself after CONSUMER_INACTIVE_S
                await self._bus.publish(f"$JS.API.CONSUMER.DELETE.{self._stream}.{self._consumer}", b"")

    async def _on_message(self, message: Message) -> None:
        if self._subscription is None or (message.subject != self._inbox and not message.reply):
            return
        self._received_at = asyncio.get_running_loop().time()
        status = message.headers.get("Status") if message.headers else None
        if status is not None and not message.reply.startswith("$JS.ACK"):
            self._on_status(status, (message.headers or {}).get("Description", ""))
        elif self._broken is None:
            self._receive(message)
        self._arrived.set()

    def _on_status(self, status: str, description: str) -> None:
        if status == "100":
            return
        if status in ("404", "408"):  # the pull request has ended; the next one follows
            self._outstanding = 0
            if status == "404":
                self.pending = 0
        else:
            self._broken = f"{status} {description}"

    def _receive(self, message: Message) -> None:
        # $JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>[.…]
        tokens = message.reply.split(".")
        at = 4 if len(tokens) == 9 else 6
        delivered = int(tokens[at + 2])
        if tokens[at - 1] != self._consumer:
            return  # from an earlier consumer
        if delivered != self._delivered + 1:
            self._broken = f"expected delivery {self._delivered + 1}, got {delivered}"
            return
        self._delivered = delivered
        self._outstanding -= 1
        self.pending = int(tokens[at + 4])
        if int(tokens[at + 1]) < self._next and not self._from_last:
            return  # NATS of older versions begins earlier where the consumer's server is behind
        self._messages.append(
            StoredMessage(
                message.subject,
                message.data,
                int(tokens[at + 1]),
                int(tokens[at + 3]) // 1_000_000,
                message.headers.get("traceparent") if message.headers else None,
            )
        )
