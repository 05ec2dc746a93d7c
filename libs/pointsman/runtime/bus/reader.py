"""Reading a log in order, from a given place, with no message missed and none twice."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from typing import Any

import msgspec
import nats.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from pointsman.runtime.bus.bus import API_TIMEOUT_S, Bus, StoredMessage
from pointsman.runtime.bus.errors import BusError, BusUnavailable, StreamMissing
from pointsman.runtime.telemetry.logs import logger

log = logger("bus.reader")

HEARTBEAT_S = 1.0
PULL_EXPIRES_S = 30.0
SILENCE_S = 3.5 * HEARTBEAT_S
LOST = "the connection was lost"
_NS = 1_000_000_000


class _Created(msgspec.Struct):
    name: str = ""
    num_pending: int = 0
    error: dict[str, Any] | None = None


class LogReader:
    """An ordered reader of one subject of a stream.

    It owns nothing on the server but a throw-away consumer without acknowledgements, and trusts it with nothing:
    the consumer numbers what it delivers, and at the first gap in those numbers, at silence (a heartbeat comes every
    second) or at any error, the reader makes a new consumer that starts after the last message it handed out.
    One pull is outstanding at a time, so what is buffered here is bounded by ``max_batch``.

    Parameters
    ----------
    bus : Bus
    stream : str
    subject : str
        May have wildcards.
    start : int
        First stream sequence to read.
    max_batch : int
        Most messages that `next_batch` returns.
    last_per_subject : bool
        Begin with the last message of each subject instead of ``start``, and again whenever it has to start over; for
        key-value buckets.
    """

    def __init__(
        self,
        bus: Bus,
        stream: str,
        subject: str,
        start: int = 1,
        *,
        max_batch: int = 500,
        last_per_subject: bool = False,
    ) -> None:
        self._bus = bus
        self._stream = stream
        self._subject = subject
        self._next = start
        self._max_batch = max_batch
        self._from_last = last_per_subject
        self._subscription: Subscription | None = None
        self._consumer = ""
        self._connection = 0
        self._delivered = 0
        self._outstanding = 0
        self._messages: deque[StoredMessage] = deque()
        self._arrived = asyncio.Event()
        self._heard_at = 0.0
        self._asked_at = 0.0
        self._broken: str | None = "not started"
        self.pending = 0
        """Messages that the server still had when it delivered the last one."""
        self.restarts = -1
        """How often the reader had to start over."""

    @property
    def idle(self) -> bool:
        """Tell whether everything the server has was handed out, as far as its last word goes."""
        return self._broken is None and not self._messages and self.pending == 0

    async def complete_at(self) -> float | None:
        """Return a Unix time in seconds: whatever was stored before it was handed out. None while more is on its way.

        The server is asked for the subject's last message. That a heartbeat was read says less: it may have waited
        here for as long as this process was held up, with messages behind it.

        Raises
        ------
        BusUnavailable
        """
        asked_at = time.time()
        if not self.idle or await self._bus.last_sequence(self._stream, self._subject) >= self._next:
            return None
        return asked_at

    async def next_batch(self, wait_s: float) -> list[StoredMessage]:
        """Return the messages that are there, in order; wait for one if there is none.

        Parameters
        ----------
        wait_s : float
            How long to wait. An empty list means that nothing came.

        Raises
        ------
        BusUnavailable, StreamMissing
            When the server cannot be read from. The next call tries again.
        """
        deadline = asyncio.get_running_loop().time() + wait_s
        while not self._messages:
            await self._repair()
            self._arrived.clear()
            now = asyncio.get_running_loop().time()
            if now >= deadline:
                return []
            quiet_until = max(self._heard_at, self._asked_at) + SILENCE_S
            try:
                async with asyncio.timeout(max(min(deadline, quiet_until) - now, 0.001)):
                    await self._arrived.wait()
            except TimeoutError:
                if asyncio.get_running_loop().time() >= quiet_until:
                    self._broken = "no heartbeat"
        batch = [self._messages.popleft() for _ in range(min(len(self._messages), self._max_batch))]
        self._next = batch[-1].sequence + 1
        if not self._messages and self._broken is None and self._outstanding == 0:
            await self._pull()  # so that the next messages travel while these are worked on
        return batch

    async def close(self) -> None:
        """Give the server its consumer back."""
        await self._drop()

    async def _repair(self) -> None:
        if self._broken is None and self._connection != self._bus.nats.stats["reconnects"]:
            self._broken = LOST  # and with it whatever was asked for on it
        if self._broken is not None:
            if self.restarts >= 0:
                level = logging.DEBUG if self._broken == LOST else logging.INFO  # the bus has said so, once for all
                log.log(level, "reading %s starts over after %d: %s", self._subject, self._next - 1, self._broken)
            try:
                await self._start()
            except StreamMissing:
                raise
            except (BusError, nats.errors.Error) as error:
                await asyncio.sleep(0.1)
                raise BusUnavailable(f"cannot read {self._stream}: {error}") from error
        elif self._outstanding == 0:
            await self._pull()

    async def _start(self) -> None:
        await self._drop()
        if not self._bus.connected:
            raise BusUnavailable("not connected to NATS")
        connection = self._bus.nats.stats["reconnects"]
        inbox = self._bus.nats.new_inbox()
        self._subscription = await self._bus.nats.subscribe(inbox, cb=self._on_message)
        start: dict[str, Any] = {"deliver_policy": "by_start_sequence", "opt_start_seq": max(self._next, 1)}
        if self._from_last:  # also when it starts over: a bucket that was made anew counts from 1 again
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
                "inactive_threshold": int(60 * _NS),
            },
        }
        reply = await self._bus.requests.call(
            f"$JS.API.CONSUMER.CREATE.{self._stream}", msgspec.json.encode(request), API_TIMEOUT_S
        )
        created = msgspec.json.decode(reply.data, type=_Created)
        if created.error is not None:
            if created.error.get("err_code") == 10059:
                raise StreamMissing(self._stream)
            raise BusUnavailable(f"consumer on {self._stream}: {created.error.get('description')}")
        self._consumer = created.name
        self._connection = connection
        self.pending = created.num_pending
        self._heard_at = asyncio.get_running_loop().time()
        self._delivered = 0
        self._messages.clear()
        self._broken = None
        self.restarts += 1
        await self._pull()

    async def _pull(self) -> None:
        if self._subscription is None:
            return
        self._outstanding = self._max_batch
        self._asked_at = asyncio.get_running_loop().time()
        pull = {
            "batch": self._max_batch,
            "expires": int(PULL_EXPIRES_S * _NS),
            "idle_heartbeat": int(HEARTBEAT_S * _NS),
        }
        await self._bus.nats.publish(
            f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._consumer}",
            msgspec.json.encode(pull),
            reply=self._subscription.subject,
        )

    async def _drop(self) -> None:
        self._outstanding = 0
        subscription, self._subscription = self._subscription, None
        if subscription is None:
            return
        try:
            await subscription.unsubscribe()
            if self._bus.connected and self._consumer:
                await self._bus.nats.publish(f"$JS.API.CONSUMER.DELETE.{self._stream}.{self._consumer}", b"")
        except nats.errors.Error as error:
            log.debug("dropping the consumer of %s: %s", self._subject, error)

    async def _on_message(self, message: Msg) -> None:
        if self._subscription is None or (message.subject != self._subscription.subject and not message.reply):
            return
        self._heard_at = asyncio.get_running_loop().time()
        status = message.headers.get("Status") if message.headers else None
        if status is not None and not message.reply.startswith("$JS.ACK"):
            self._on_status(status, (message.headers or {}).get("Description", ""))
        elif self._broken is None:
            self._take(message)
        self._arrived.set()

    def _on_status(self, status: str, description: str) -> None:
        if status == "100":
            return
        if status in ("404", "408"):  # the pull is over; the next one follows
            self._outstanding = 0
            if status == "404":
                self.pending = 0
        else:
            self._broken = f"{status} {description}"

    def _take(self, message: Msg) -> None:
        # $JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>[.…]
        tokens = message.reply.split(".")
        at = 4 if len(tokens) == 9 else 6
        delivered = int(tokens[at + 2])
        if tokens[at - 1] != self._consumer:
            return  # a late one from the consumer before this one
        if delivered != self._delivered + 1:
            self._broken = f"expected delivery {self._delivered + 1}, got {delivered}"
            return
        self._delivered = delivered
        self._outstanding -= 1
        self.pending = int(tokens[at + 4])
        self._messages.append(
            StoredMessage(
                message.subject,
                message.data,
                int(tokens[at + 1]),
                int(tokens[at + 3]) // 1_000_000,
                message.headers.get("traceparent") if message.headers else None,
            )
        )
