"""A provider's answer on its way to the client: whole, or as a stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from time import monotonic

from pointsman.llm.providers.base import Completion, Dialect
from pointsman.llm.providers.config import Settings
from pointsman.llm.providers.errors import ProviderError
from pointsman.llm.providers.observation import Notes
from pointsman.llm.providers.passage import Passage
from pointsman.llm.providers.provider_errors import failed_in_stream
from pointsman.runtime.http.client import StreamedResponse
from pointsman.runtime.http.errors import HttpError

JSON = "application/json"
EVENTS = "text/event-stream"
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError)
"""What reading an answer raises that is not as its dialect says: it has fields of other types, or lacks them."""

AFTER_THE_END_S = 1.0
"""How long a provider may take to close a stream that has come to its end."""

KEEP_ALIVE_S = 10.0
"""After so long without a word for the client, what the provider says keeps its connection alive at least: a model that
thinks aloud is heard by proxies only if something of it is passed on."""
_NOTHING_YET: dict[Dialect, bytes] = {
    "openai": b": thinking\n\n",
    "anthropic": b'event: ping\ndata: {"type":"ping"}\n\n',
}

_FOR_CLIENTS = ("x-ratelimit-", "anthropic-ratelimit-")
_ALSO_FOR_CLIENTS = frozenset({"x-request-id", "request-id", "openai-processing-ms", "openai-version"})


def for_client(headers: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """Return the provider's headers that are for the client: rate limits and request ids."""
    return {
        name.lower(): settings.redacted(value)
        for name, value in headers.items()
        if name.lower().startswith(_FOR_CLIENTS) or name.lower() in _ALSO_FOR_CLIENTS
    }


class WholeAnswer:
    """An answer that is no stream; all of it is there.

    Parameters
    ----------
    status : int
    headers : mapping
    body : bytes
        In the client's dialect.
    notes : Notes
    tries : int
    """

    content_type = JSON

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes, notes: Notes) -> None:
        self.status = status
        self.headers = headers
        self.body: bytes | None = body
        self.tries = 1
        self.completion = notes.completion(status)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body, in one."""
        if self.body:
            yield self.body

    async def close(self) -> None:
        """Do nothing: the connection is back in the pool."""


class StreamedAnswer:
    """A stream of which the beginning is there.

    Parameters
    ----------
    settings : Settings
    response : StreamedResponse
    passage : Passage
    beginning : bytes
        What there is for the client so far.
    speaks, dialect : Dialect
        The provider's and the client's.
    """

    content_type = EVENTS
    body: bytes | None = None

    def __init__(
        self,
        settings: Settings,
        response: StreamedResponse,
        passage: Passage,
        beginning: bytes,
        speaks: Dialect,
        dialect: Dialect,
    ) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = for_client(response.headers, settings)
        self.tries = 1
        self._settings = settings
        self._idle_s = settings.config.idle_timeout_ms / 1000.0
        self._response = response
        self._passage = passage
        self._beginning = beginning
        self._speaks: Dialect = speaks
        self._dialect: Dialect = dialect
        self._over = False
        self._said_at_s = monotonic()

    @property
    def completion(self) -> Completion:
        """What is known so far."""
        return self._passage.notes.completion(self.status)

    def chunks(self) -> AsyncIterator[bytes]:
        """Return the iterator; it is the answer itself, so that leaving it half-way leaves nothing running."""
        return self

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Return itself."""
        return self

    async def __anext__(self) -> bytes:
        """Return the next bytes for the client.

        Raises
        ------
        ProviderError
        """
        if self._beginning:
            out, self._beginning = self._beginning, b""
            return out
        try:
            while not self._over:
                out = await self._next()
                if not out and not self._over and monotonic() - self._said_at_s > KEEP_ALIVE_S:
                    out = _NOTHING_YET[self._dialect]
                if out:
                    self._said_at_s = monotonic()
                    return out
        except BaseException:
            # Whatever it was, a cancellation too: half an answer's connection is of no use to the next request.
            self._over = True
            self._response.abort()
            raise
        raise StopAsyncIteration

    async def close(self) -> None:
        """Let go of the connection; cut it if the answer is not over, so that the provider stops."""
        if not self._over:
            self._over = True
            self._beginning = b""
            self._response.release()

    async def _next(self) -> bytes:
        notes = self._passage.notes
        if self._passage.failed:
            raise failed_in_stream(self._settings, self._speaks, self._dialect, notes.error or b"")
        data = await self._read()
        if data:
            return self._fed(data)
        self._over = True
        self._response.release()
        out = self._end()
        if not notes.ended and notes.finish is None and notes.error is None:
            # What there may be in `out` is half an event, which a client's parser would trip over.
            raise self._broken("ended its stream before the answer was complete")
        return out

    def _fed(self, data: bytes) -> bytes:
        try:
            return self._passage.feed(data)
        except UNREADABLE as error:
            raise self._broken("sent an event that cannot be read") from error

    def _end(self) -> bytes:
        try:
            return self._passage.end()
        except UNREADABLE as error:
            raise self._broken("sent an event that cannot be read") from error

    async def _read(self) -> bytes:
        at_hand = self._response.buffered()
        if at_hand:
            return at_hand
        ended = self._passage.notes.ended
        limit_s = min(self._idle_s, AFTER_THE_END_S) if ended else self._idle_s
        try:
            async with asyncio.timeout(limit_s):
                return await self._response.read_chunk()
        except TimeoutError as error:
            if ended:
                self._response.abort()
                return b""
            text = f"{self._settings.name}: nothing came for {self._settings.config.idle_timeout_ms} ms in mid-stream"
            raise ProviderError("timeout", text, dialect=self._dialect, status=self.status) from error
        except HttpError as error:
            if ended:
                return b""
            raise self._broken("broke off its stream") from error

    def _broken(self, how: str) -> ProviderError:
        text = f"{self._settings.name} {how}"
        return ProviderError("protocol", text, dialect=self._dialect, status=self.status)
