"""Many requests in flight over one subscription, each with a future and a deadline."""

from __future__ import annotations

import asyncio
import itertools

from nats.aio.client import Client
from nats.aio.msg import Msg

from pointsman.runtime.bus.errors import BusUnavailable, NoAnswer, NoResponders, NotPermitted

Headers = dict[str, str]


class Requests:
    """Send requests without a task or a subscription for each.

    `nats-py` has this too; here a request is a future that was never wrapped in a task, fails at once when the
    connection drops, and is refused at once while there is none, because a decision cannot wait for a reconnect.

    Parameters
    ----------
    client : nats.aio.client.Client
        Connected before `start`.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._prefix = ""
        self._serial = itertools.count()
        self._waiting: dict[str, tuple[asyncio.Future[Msg], asyncio.TimerHandle, str]] = {}

    async def start(self) -> None:
        """Subscribe to the inbox, which is the user's own, and so known only when the client has connected."""
        self._prefix = self._client.new_inbox() + "."
        await self._client.subscribe(self._prefix + "*", cb=self._on_reply)

    async def send(
        self, subject: str, payload: bytes, timeout_s: float, headers: Headers | None = None
    ) -> asyncio.Future[Msg]:
        """Send a request and return the future of its answer.

        The future fails with `NoResponders`, `NotPermitted` or `BusUnavailable`; the latter is raised at once while
        disconnected.
        """
        if not self._client.is_connected:
            raise BusUnavailable("not connected to NATS")
        loop = asyncio.get_running_loop()
        token = str(next(self._serial))
        future: asyncio.Future[Msg] = loop.create_future()
        timer = loop.call_later(timeout_s, self._expire, token, subject)
        self._waiting[token] = (future, timer, subject)
        try:
            await self._client.publish(subject, payload, reply=self._prefix + token, headers=headers)
        except BaseException as error:
            self._forget(token)
            if isinstance(error, asyncio.CancelledError):
                raise
            raise BusUnavailable(f"cannot send to {subject}: {error}") from error
        return future

    async def call(self, subject: str, payload: bytes, timeout_s: float, headers: Headers | None = None) -> Msg:
        """Send a request and wait for its answer."""
        return await (await self.send(subject, payload, timeout_s, headers))

    def fail_all(self, reason: str) -> None:
        """Fail everything in flight: the connection is gone, and answers on it with it."""
        for token in list(self._waiting):
            future = self._forget(token)
            _fail(future, BusUnavailable(reason))

    def deny(self, subject: str, reason: str) -> None:
        """Fail what was sent to a subject (told in lower case) that this user must not publish to."""
        for token in [token for token, (_, _, sent_to) in self._waiting.items() if sent_to.lower() == subject.lower()]:
            future = self._forget(token)
            _fail(future, NotPermitted(reason))

    async def _on_reply(self, message: Msg) -> None:
        future = self._forget(message.subject[len(self._prefix) :])
        if message.headers and message.headers.get("Status") == "503":
            _fail(future, NoResponders("nobody serves this subject"))
        elif future is not None and not future.done():
            future.set_result(message)

    def _expire(self, token: str, subject: str) -> None:
        _fail(self._forget(token), NoAnswer(f"no answer from {subject} in time"))

    def _forget(self, token: str) -> asyncio.Future[Msg] | None:
        entry = self._waiting.pop(token, None)
        if entry is None:
            return None
        entry[1].cancel()
        return entry[0]


def _fail(future: asyncio.Future[Msg] | None, error: Exception) -> None:
    if future is not None and not future.done():
        future.set_exception(error)
        future.exception()  # looked at: who waits for many raises the first, and asyncio would complain of the rest
