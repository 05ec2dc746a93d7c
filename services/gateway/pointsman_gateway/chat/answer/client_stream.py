"""Sends a stream to the client as it arrives from the provider."""

from __future__ import annotations

import asyncio

from starlette.types import Send

from pointsman.llm.providers.answer.upstream_stream import UpstreamStream
from pointsman.llm.providers.dialects.errors import encode_error, error_event
from pointsman.llm.providers.failure import ProviderError
from pointsman.llm.request import Dialect
from pointsman.runtime.telemetry.logs import logger
from pointsman_gateway.chat.answer.disconnect import DisconnectWatch
from pointsman_gateway.chat.answer.headers import Headers
from pointsman_gateway.chat.call import ChatCall
from pointsman_gateway.chat.errors import STOPPED

log = logger("gateway.chat.client_stream")

_UNBUFFERED = ((b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no"))
"""Headers that keep proxies, nginx above all, from buffering a stream."""


class ClientStream:
    """An answer whose first byte has arrived. Nothing is read ahead of a client that reads slowly.

    The call and the watch end with the stream.
    """

    def __init__(
        self, dialect: Dialect, answer: UpstreamStream, call: ChatCall, watch: DisconnectWatch, headers: Headers
    ) -> None:
        self.status = answer.status
        self._dialect: Dialect = dialect
        self._answer = answer
        self._call = call
        self._watch = watch
        self._headers = headers
        self._failed = False

    async def send(self, send: Send) -> None:
        """Send all of it; return when the client has received it, or has disconnected.

        The status is sent before the first byte, so a stream that fails ends with an error event in the client's
        dialect.
        """
        stopped = False
        try:
            await self._send_chunks(send)
        except asyncio.CancelledError:
            if not self._watch.absorb_cancellation():  # the gateway stops
                stopped = True
                await self._end(send, encode_error(self._dialect, 503, STOPPED))
        finally:
            self._watch.stop()
            try:
                await self._answer.close()
            finally:
                self._call.end(self.status, client_left=self._watch.client_left, stopped=stopped or self._failed)

    async def _send_chunks(self, send: Send) -> None:
        raw = [(b"content-type", self._answer.content_type.encode()), *_UNBUFFERED]
        raw += [(name.encode(), value.encode()) for name, value in self._headers]
        self._call.begin_answer()
        await send({"type": "http.response.start", "status": self.status, "headers": raw})
        try:
            async for chunk in self._answer:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except ProviderError as error:
            await send({"type": "http.response.body", "body": error.event, "more_body": True})
        except Exception:  # a bug
            self._failed = True
            log.exception("a stream failed")
            await self._end(send, encode_error(self._dialect, 500, "the gateway failed"))
            return
        self._watch.stop()
        await send({"type": "http.response.body", "body": b""})

    async def _end(self, send: Send, error: bytes) -> None:
        """End the stream with an error event: the client must not mistake what it has for the whole answer."""
        self._watch.stop()
        await send({"type": "http.response.body", "body": error_event(self._dialect, error)})
