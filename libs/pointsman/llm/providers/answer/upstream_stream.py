"""A stream from a provider, converted to the client's dialect as it arrives."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Mapping
from time import monotonic

from pointsman.llm.completion import Completion
from pointsman.llm.providers.answer.complete import client_headers
from pointsman.llm.providers.answer.pipeline import StreamPipeline
from pointsman.llm.providers.failure import CallFailures, ProviderError
from pointsman.llm.providers.settings import ProviderSettings
from pointsman.llm.request import Dialect
from pointsman.runtime.http.client import StreamedResponse
from pointsman.runtime.http.errors import HttpError

UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError, struct.error)
"""What reading an answer raises that does not match its dialect: fields are missing or have other types."""

CLOSE_TIMEOUT_S = 1.0
MAX_BYTES_AFTER_END = 64 * 1024
"""How long a provider may take to close a stream whose last event has arrived, and how much more it may send."""

KEEPALIVE_INTERVAL_S = 10.0
"""After so long without output, events of the provider that produce none are passed on as a keep-alive, so that proxies
do not close the connection while a model reasons."""
_KEEPALIVE: dict[Dialect, bytes] = {
    "openai": b": thinking\n\n",
    "anthropic": b'event: ping\ndata: {"type":"ping"}\n\n',
}


class UpstreamStream:
    """A stream whose beginning has arrived. Iterate it once, then `close` it.

    It is its own iterator, so that a consumer that stops early leaves no generator running. ``beginning`` is ready for
    the client.
    """

    content_type = "text/event-stream"

    def __init__(
        self,
        settings: ProviderSettings,
        response: StreamedResponse,
        pipeline: StreamPipeline,
        beginning: bytes,
        failures: CallFailures,
        client_dialect: Dialect,
    ) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = client_headers(response.headers, settings)
        self.tries = 1  # calls of the provider, retries included
        self.adapted: tuple[str, ...] = ()  # what of the request was changed or left out for the model
        self._failures = failures
        config = settings.config
        self._idle_s = config.idle_timeout_ms / 1000.0
        self._waited_s = 0.0  # for the provider, since its last event; the client may be slow too
        self._timeout_s = config.stream_timeout_ms / 1000.0
        self._end_by_s = monotonic() + self._timeout_s
        self._max_bytes = config.max_stream_bytes
        self._left_bytes = config.max_stream_bytes
        self._response = response
        self._pipeline = pipeline
        self._beginning = beginning
        self._client_dialect: Dialect = client_dialect
        self._ended = False
        self._last_output_s = monotonic()
        if pipeline.recorder.ended:
            self._expect_close()

    @property
    def completion(self) -> Completion:
        """What is known so far; final after the last chunk or after `close`."""
        return self._pipeline.recorder.completion(self.status)

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Return itself."""
        return self

    async def __anext__(self) -> bytes:
        """Return the next bytes for the client.

        A stream that failed raises `ProviderError`. Earlier output stays valid; send the error's ``event`` as the last.
        """
        if self._beginning:
            out, self._beginning = self._beginning, b""
            return out
        try:
            while not self._ended:
                out = await self._next()
                if not out and not self._ended and monotonic() - self._last_output_s > KEEPALIVE_INTERVAL_S:
                    out = _KEEPALIVE[self._client_dialect]
                if out:
                    self._last_output_s = monotonic()
                    return out
        except BaseException:
            # Also on cancellation: a connection with half an answer cannot serve the next request.
            self._ended = True
            self._response.abort()
            raise
        raise StopAsyncIteration

    async def close(self) -> None:
        """Release the connection; close it when the answer has not ended, so that the provider stops. Idempotent."""
        if not self._ended:
            self._ended = True
            self._beginning = b""
            self._response.release()

    async def _next(self) -> bytes:
        recorder = self._pipeline.recorder
        if self._pipeline.failed:
            raise self._failures.from_error_event(recorder.error or b"")
        if recorder.cut:
            raise self._failures.protocol("ended its stream before the answer was complete", self.status)
        data = await self._read()
        ended, events = recorder.ended, self._pipeline.events
        try:
            if data:
                out = self._pipeline.feed(data)
                if self._pipeline.events > events:
                    self._waited_s = 0.0
                if recorder.ended and not ended:
                    self._expect_close()
                return out
            self._ended = True
            self._response.release()
            out = self._pipeline.end()
        except UNREADABLE as error:
            raise self._failures.protocol("sent an event that is not readable", self.status) from error
        if recorder.cut or (not recorder.ended and recorder.finish is None and recorder.error is None):
            # `out` may hold half an event, which a client's parser would reject.
            raise self._failures.protocol("ended its stream before the answer was complete", self.status)
        return out

    def _expect_close(self) -> None:
        self._end_by_s = monotonic() + CLOSE_TIMEOUT_S
        self._left_bytes = MAX_BYTES_AFTER_END

    async def _read(self) -> bytes:
        """Return the next bytes; empty at the end, also of a provider that does not end a stream that is complete."""
        ended = self._pipeline.recorder.ended
        began_s = monotonic()
        left_s = self._end_by_s - began_s
        try:
            if left_s <= 0.0:
                raise TimeoutError
            data = self._response.buffered()
            if not data:
                async with asyncio.timeout(min(left_s, self._idle_s - self._waited_s)):
                    data = await self._response.read_chunk()
                self._waited_s += monotonic() - began_s
        except TimeoutError as error:
            if ended:
                self._response.abort()
                return b""
            raise self._too_late() from error
        except HttpError as error:
            if ended:
                return b""
            raise self._failures.protocol("closed the connection in mid-stream", self.status) from error
        self._left_bytes -= len(data)
        if self._left_bytes < 0:
            if ended:
                self._response.abort()
                return b""
            raise self._failures.protocol(f"sent a stream longer than {self._max_bytes} bytes", self.status)
        return data

    def _too_late(self) -> ProviderError:
        if monotonic() >= self._end_by_s:
            return self._failures.timeout(f"its stream took longer than {self._timeout_s * 1000:.0f} ms", self.status)
        return self._failures.timeout(f"no event for {self._idle_s * 1000:.0f} ms in mid-stream", self.status)
