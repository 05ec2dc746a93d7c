"""A connection of the HTTP client that carries one response for each request, and little else.

aiohttp bounds each header and their number. It does not bound the interim responses (1xx) before a response, nor what
surrounds a body: chunks of one byte, their extensions, trailers. And it reads what arrives between two requests as the
response to the next one. All of this is refused here.
"""

from __future__ import annotations

from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError

MAX_INTERIM_RESPONSES = 16
"""Most responses 1xx before the response itself. The client requests none, so they are dropped."""
MAX_OVERHEAD_BYTES = 128 * 1024
"""Largest head of a response, and most other bytes that are not its body."""
MAX_OVERHEAD_RATIO = 2
"""More overhead is accepted up to this many times the body."""
HEAD_PIECE_BYTES = 16 * 1024


class OneResponseConnection(ResponseHandler):
    """Closes the connection on more than one response to a request, and on too much overhead."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._awaits_response = self._refused = False
        self._interim_responses = self._received_bytes = 0

    def set_response_params(self, **params: Any) -> None:
        """Begin to wait for the response to a request that is about to be sent."""
        self._awaits_response = True
        self._interim_responses = self._received_bytes = 0
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        """Parse data, unless the last response has ended and no request was sent."""
        if data and not self._awaits_response and self._payload is not None and self._payload.is_eof():
            self._refuse("data after the response")
            return
        while self._awaits_response and len(data) > HEAD_PIECE_BYTES and not self._refused:
            self._parse(data[:HEAD_PIECE_BYTES])
            data = data[HEAD_PIECE_BYTES:]
        if not self._refused:
            self._parse(data)

    def _parse(self, data: bytes) -> None:
        self._received_bytes += len(data)
        super().data_received(data)
        if self._received_bytes > MAX_OVERHEAD_BYTES:
            body_bytes = self._payload.total_bytes if self._payload is not None else 0
            if self._received_bytes - body_bytes > MAX_OVERHEAD_BYTES + MAX_OVERHEAD_RATIO * body_bytes:
                self._refuse("too much besides the body")

    def feed_data(self, data: Any, size: int = 0) -> None:
        """Accept the head of a response."""
        status = data[0].code
        if 100 <= status < 200 and status != 101:
            self._interim_responses += 1
            if self._interim_responses > MAX_INTERIM_RESPONSES:
                self._refuse("too many interim responses")
        elif self._awaits_response:
            self._awaits_response = False
            super().feed_data(data, size)
        else:
            self._refuse("a second response")

    def _refuse(self, why: str) -> None:
        self._refused = True
        self.force_close()
        error = HttpProcessingError(message=why)
        if self._awaits_response and self.exception() is None:
            self.set_exception(error)
        if self._payload is not None and not self._payload.is_eof():
            self._payload.set_exception(aiohttp.ClientPayloadError(why), error)
        if self.transport is not None:
            self.transport.abort()


class NoCookies(aiohttp.DummyCookieJar):
    """Keeps no cookies, and does not parse them."""

    def update_cookies_from_headers(self, headers: Any, response_url: Any) -> None:
        """Do nothing."""
