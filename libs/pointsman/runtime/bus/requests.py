"""Requests over one shared subscription, each with a future and a timeout."""

import asyncio
import itertools

from nats.aio.client import Client
from nats.aio.msg import Msg as Message

from pointsman.runtime.bus.errors import BusUnavailable, NoResponders, NoResponse, NotPermitted
from pointsman.runtime.bus.jetstream import storage_refusal
from pointsman.runtime.bus.write_health import WriteHealth

Headers = dict[str, str]


class Requests:
    """Send requests without a task or a subscription for each.

    `nats-py` has this too. Here a request is a plain future, which fails at once when the connection is lost, and is
    refused at once while there is none: a decision cannot wait for a reconnect.
    """

    def __init__(self, client: Client) -> None:
        self.writes = WriteHealth()
        self._client = client
        self._prefix = ""
        self._serial = itertools.count()
        self._pending: dict[str, tuple[asyncio.Future[Message], asyncio.TimerHandle, str]] = {}

    async def start(self) -> None:
        """Subscribe to the inbox. Its name depends on the user, so the client must have connected."""
        self._prefix = self._client.new_inbox() + "."
        await self._client.subscribe(self._prefix + "*", cb=self._on_reply)

    async def send(
        self, subject: str, payload: bytes, timeout_s: float, headers: Headers | None = None
    ) -> asyncio.Future[Message]:
        """Send a request and return the future of its response.

        The future fails with `NoResponders`, `NoResponse`, `NotPermitted` or `BusUnavailable`; the last is raised at
        once while disconnected.
        """
        if not self._client.is_connected:
            raise BusUnavailable("not connected to NATS")
        loop = asyncio.get_running_loop()
        token = str(next(self._serial))
        future: asyncio.Future[Message] = loop.create_future()
        timer = loop.call_later(timeout_s, self._expire, token, subject, timeout_s)
        self._pending[token] = (future, timer, subject)
        try:
            await self._client.publish(subject, payload, reply=self._prefix + token, headers=headers)
        except BaseException as error:
            self._forget(token)
            if isinstance(error, asyncio.CancelledError):
                raise
            raise BusUnavailable(f"cannot send to {subject}: {error}") from error
        return future

    async def call(self, subject: str, payload: bytes, timeout_s: float, headers: Headers | None = None) -> Message:
        """Send a request and wait for its response."""
        return await (await self.send(subject, payload, timeout_s, headers))

    def fail_all(self, reason: str) -> None:
        """Fail all pending requests: their responses are lost with the connection."""
        for token in list(self._pending):
            self._fail(token, BusUnavailable(reason))

    def deny(self, subject: str, reason: str) -> None:
        """Fail the requests to a subject, given in lower case, to which this user must not publish."""
        for token in [token for token, (_, _, sent_to) in self._pending.items() if sent_to.lower() == subject.lower()]:
            self._fail(token, NotPermitted(reason))

    async def _on_reply(self, message: Message) -> None:
        entry = self._forget(message.subject[len(self._prefix) :])
        if entry is None:
            return
        future, subject = entry
        if message.headers and message.headers.get("Status") == "503":
            self.writes.failed(subject, "NATS does not serve the stream")
            _fail(future, NoResponders("no process serves this subject"))
            return
        if refusal := storage_refusal(message.data):
            self.writes.failed(subject, refusal)
        else:
            self.writes.succeeded(subject)
        if not future.done():
            future.set_result(message)

    def _expire(self, token: str, subject: str, timeout_s: float) -> None:
        entry = self._forget(token)
        if entry is not None:
            self.writes.failed(subject, "NATS does not acknowledge", timeout_s)
            _fail(entry[0], NoResponse(f"no response from {subject} in time"))

    def _fail(self, token: str, error: Exception) -> None:
        entry = self._forget(token)
        if entry is not None:
            _fail(entry[0], error)

    def _forget(self, token: str) -> tuple[asyncio.Future[Message], str] | None:
        """Remove a pending request; return its future and its subject."""
        entry = self._pending.pop(token, None)
        if entry is None:
            return None
        future, timer, subject = entry
        timer.cancel()
        return future, subject


def _fail(future: asyncio.Future[Message], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
        # Retrieve the exception so that asyncio does not log it as unhandled: of several requests, a caller may await
        # only the first that fails.
        future.exception()
