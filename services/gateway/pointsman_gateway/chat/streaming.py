"""Passing a stream on as it comes."""

from __future__ import annotations

import asyncio

from starlette.types import Send

from pointsman.llm.providers.answer.upstream_stream import UpstreamStream
from pointsman.llm.providers.dialects.errors import encode_error, error_event
from pointsman.llm.providers.failure import ProviderError
from pointsman.llm.request import Dialect
from pointsman.runtime.telemetry.logs import logger
from pointsman_gateway.chat.exchange import OpenExchange
from pointsman_gateway.chat.headers import Headers
from pointsman_gateway.chat.watch import ClientWatch

log = logger("gateway.llm")

_AS_IT_COMES = ((b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no"))
"""So that a proxy in front, nginx above all, does not gather a stream before it passes it on."""


class StreamedAnswer:
    """An answer whose first byte is there. Nothing is read ahead of a client that reads slowly.

    Parameters
    ----------
    answer : UpstreamStream
    exchange : OpenExchange
        Ended when the stream is.
    watch : ClientWatch
        Stopped then.
    headers : tuple of (name, value)
    """

    def __init__(
        self, dialect: Dialect, answer: UpstreamStream, exchange: OpenExchange, watch: ClientWatch, headers: Headers
    ) -> None:
        self.status = answer.status
        self._dialect: Dialect = dialect
        self._answer = answer
        self._exchange = exchange
        self._watch = watch
        self._headers = headers
        self._failed = False

    async def send(self, send: Send) -> None:
        """Send all of it; return when the client has it, or has gone.

        A stream that breaks off ends with an error in the client's dialect as its last event: a status cannot tell it
        any more.
        """
        stopped = False
        try:
            await self._pass_on(send)
        except asyncio.CancelledError:
            if not self._watch.settle():
                stopped = True
                raise
        finally:
            self._watch.stop()
            try:
                await self._answer.close()
            finally:
                self._exchange.end(self.status, gone=self._watch.gone, stopped=stopped or self._failed)

    async def _pass_on(self, send: Send) -> None:
        raw = [(b"content-type", self._answer.content_type.encode()), *_AS_IT_COMES]
        raw += [(name.encode(), value.encode()) for name, value in self._headers]
        self._exchange.begin_answer()
        await send({"type": "http.response.start", "status": self.status, "headers": raw})
        try:
            async for chunk in self._answer:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except ProviderError as error:
            await send({"type": "http.response.body", "body": error.event, "more_body": True})
        except Exception:  # a bug; the client must not take what it has for the whole
            self._failed = True
            log.exception("a stream broke off")
            event = error_event(self._dialect, encode_error(self._dialect, 500, "the gateway failed"))
            await send({"type": "http.response.body", "body": event, "more_body": True})
        self._watch.stop()
        await send({"type": "http.response.body", "body": b""})
