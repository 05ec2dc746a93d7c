"""Requests over one shared subscription, each with a future and a timeout."""

import asyncio
import itertools

from nats.aio.client import Client
from nats.aio.msg import Msg as Message

from pointsman.runtime.bus.errors import BusUnavailable, NoResponders, NoResponse, NotPermitted

Headers = dict[str, str]


class Requests:
    """Send requests without a task or a subscription for each.

    `nats-py` has this too. Here a request is a plain future, which fails at once when the connection is lost, and is
    refused at once while there is none: a decision cannot wait for a reconnect.
    """

    def __init__(self, client: Client) -> None:
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
        timer = loop.call_later(timeout_s, self._expire, token, subject)
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
            _fail(self._forget(token), BusUnavailable(reason))

    def deny(self, subject: str, reason: str) -> None:
        """Fail the requests to a subject, given in lower case, to which this user must not publish."""
        for token in [token for token, (_, _, sent_to) in self._pending.items() if sent_to.lower() == subject.lower()]:
            _fail(self._forget(token), NotPermitted(reason))

    async def _on_reply(self, message: Message) -> None:
        future = self._forget(message.subject[len(self._prefix) :])
        if message.headers and message.headers.get("Status") == "503":
            _fail(future, NoResponders("no process serves this subject"))
        elif future is not None and not future.done():
            future.set_result(message)

    def _expire(self, token: str, subject: str) -> None:
        _fail(self._forget(token), NoResponse(f"no response from {subject} in time"))

    def _forget(self, token: str) -> asyncio.Future[Message] | None:
        entry = self._pending.pop(token, None)
        if entry is None:
            return None
        entry[1].cancel()
        return entry[0]


def _fail(future: asyncio.Future[Message] | None, error: Exception) -> None:
    if future is not None and not future.done():
        future.set_exception(error)
        # Retrieve the exception so that asyncio does not log it as unhandled: of several requests, a caller may await
        # only the first that fails.
        future.exception()
