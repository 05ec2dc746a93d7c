"""Asynchronous HTTP client: a bounded connection pool, streamed or complete responses, errors of its own."""

from __future__ import annotations

import asyncio
import io
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from pointsman.runtime.http.connection import NoCookies, OneResponseConnection
from pointsman.runtime.http.errors import (
    BodyTooLarge,
    ConnectionLost,
    HttpError,
    InvalidResponse,
    ResponseTimeout,
    ServerUnavailable,
    TlsRejected,
)
from pointsman.runtime.http.local_errors import local_error
from pointsman.runtime.http.response import MAX_BODY_BYTES, CompleteResponse
from pointsman.runtime.http.slots import ConnectionSlot, ConnectionSlots

CONNECT_TIMEOUT_S = 5.0
REQUEST_TIMEOUT_S = 30.0
QUEUE_TIMEOUT_S = 5.0
KEEPALIVE_S = 30.0
MAX_CONNECTIONS = 1000
MAX_HEADER_BYTES = 64 * 1024
"""Of one header: some servers send long ones for browsers, such as security policies."""
MAX_CHUNK_BYTES = 16 * 1024
"""Most bytes of a response that are returned at once, so that what is done with them takes milliseconds."""
_LARGE_BODY_BYTES = 1024 * 1024
_LOST = (aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)
_CLIENT_ERRORS = (aiohttp.ClientError, OSError)


class StreamedResponse:
    """A response whose body is read in chunks. The owner ends it with `release` or `abort`.

    Lookup in ``headers`` ignores case. Every read raises `HttpError`. However fast a server sends, other tasks run
    after every `MAX_CHUNK_BYTES`.
    """

    def __init__(self, response: aiohttp.ClientResponse, slot: ConnectionSlot) -> None:
        self._response = response
        self._slot = slot
        self._unpaused_bytes = 0  # returned since other tasks could run
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers

    async def read_chunk(self) -> bytes:
        """Return the next bytes as they arrive; empty at the end."""
        if self._unpaused_bytes >= MAX_CHUNK_BYTES:
            self._unpaused_bytes = 0
            await asyncio.sleep(0)  # reading does not suspend while data is buffered
        try:
            data = await self._response.content.read(MAX_CHUNK_BYTES)
        except _CLIENT_ERRORS as error:
            raise _http_error(error) from error
        self._unpaused_bytes += len(data)
        return data

    def buffered(self) -> bytes:
        """Return bytes that have arrived already; empty when there are none, or other tasks must run first."""
        if self._unpaused_bytes >= MAX_CHUNK_BYTES:
            return b""
        try:
            data = self._response.content.read_nowait(MAX_CHUNK_BYTES)
        except _CLIENT_ERRORS as error:
            raise _http_error(error) from error
        self._unpaused_bytes += len(data)
        return data

    async def read(self, max_bytes: int = MAX_BODY_BYTES) -> bytes:
        """Return the whole body; raise `BodyTooLarge` when it is longer than ``max_bytes``."""
        chunks = []
        size = 0
        while chunk := await self.read_chunk():
            size += len(chunk)
            if size > max_bytes:
                raise BodyTooLarge(f"the response is longer than {max_bytes} bytes")
            chunks.append(chunk)
        return b"".join(chunks)

    async def read_prefix(self, max_bytes: int) -> bytes:
        """Return the beginning of the body, at most ``max_bytes``."""
        body = b""
        while len(body) < max_bytes and (chunk := await self.read_chunk()):
            body += chunk
        return body[:max_bytes]

    def release(self) -> None:
        """Return the connection to the pool; close it when the body was not read to the end."""
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()
        self._slot.release()

    def abort(self) -> None:
        """Close the connection, so that the server stops sending."""
        self._response.close()
        self._slot.release()


class HttpClient:
    """A pool of connections. Use it as ``async with HttpClient() as client``, or call `close`.

    Every request raises `HttpError`. A request waits at most ``queue_timeout_s`` while all connections are in use.
    """

    def __init__(
        self,
        max_connections: int = MAX_CONNECTIONS,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        queue_timeout_s: float = QUEUE_TIMEOUT_S,
    ) -> None:
        self._slots = ConnectionSlots(max_connections, queue_timeout_s)
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=connect_timeout_s)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Return the client; connections are made when they are needed."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        await self.close()

    def slot(self) -> ConnectionSlot:
        """Return a slot for `send`. A caller that takes it first does not count the wait as the server's time."""
        return ConnectionSlot(self._slots)

    async def send(
        self,
        method: str,
        url: URL | str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        slot: ConnectionSlot | None = None,
    ) -> StreamedResponse:
        """Send a request and return when the head of the response has arrived. The caller bounds the time.

        The slot is released with the response, and when there is none.
        """
        slot = slot or self.slot()
        await slot.take()
        try:
            response = await self._request(method, url, headers, body)
        except BaseException:
            slot.release()
            raise
        return StreamedResponse(response, slot)

    async def _request(
        self, method: str, url: URL | str, headers: Mapping[str, str] | None, body: bytes
    ) -> aiohttp.ClientResponse:
        session = self._session or self._open()
        # aiohttp writes bytes in one piece; a large body as a file is written in pieces.
        data = body if len(body) <= _LARGE_BODY_BYTES else io.BytesIO(body)
        try:
            return await session.request(method, url, data=data or None, headers=headers, allow_redirects=False)
        except _CLIENT_ERRORS as error:
            raise _http_error(error, self._timeout.sock_connect) from error

    @asynccontextmanager
    async def stream(
        self, method: str, url: URL | str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> AsyncIterator[StreamedResponse]:
        """Send a request; the connection is released at the end of the block."""
        response = await self.send(method, url, headers, body)
        try:
            yield response
        finally:
            response.release()

    async def request(
        self,
        method: str,
        url: URL | str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        *,
        timeout_s: float = REQUEST_TIMEOUT_S,
        max_bytes: int = MAX_BODY_BYTES,
    ) -> CompleteResponse:
        """Send a request and return the complete response, whatever its status; ``timeout_s`` bounds all of it."""
        try:
            async with asyncio.timeout(timeout_s), self.stream(method, url, headers, body) as response:
                return CompleteResponse(response.status, response.headers, await response.read(max_bytes))
        except TimeoutError as error:
            raise ResponseTimeout(f"no complete response within {timeout_s:g} s") from error

    async def close(self) -> None:
        """Close all connections; the next request opens new ones."""
        if self._session is not None:
            await self._session.close()
            # Transports under TLS close in the next iteration of the loop.
            await asyncio.sleep(0)
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        # Opened by the first request, because a session belongs to the running event loop.
        connector = aiohttp.TCPConnector(
            limit=0,  # `ConnectionSlots` has the limit
            keepalive_timeout=KEEPALIVE_S,
            ssl=ssl.create_default_context(),  # aiohttp's own is made at import, and ignores a later SSL_CERT_FILE
        )
        # aiohttp has no public way to choose the class of its connections.
        make: Callable[..., ResponseHandler] = OneResponseConnection
        connector._factory = partial(make, loop=asyncio.get_running_loop())
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=NoCookies(),
            timeout=self._timeout,
            trust_env=False,
            max_field_size=MAX_HEADER_BYTES,
        )
        return self._session


def _http_error(error: Exception, connect_timeout_s: float | None = None) -> HttpError:
    """Return the `HttpError` for an exception of aiohttp or the socket.

    It is returned and not raised here: a frame that keeps the exception it raises is a reference cycle.
    """
    wrapped: HttpError
    local = local_error(error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error)
    if local is not None:
        wrapped = local
    elif isinstance(error, aiohttp.ConnectionTimeoutError):
        wrapped = ServerUnavailable(f"no connection within {(connect_timeout_s or 0.0) * 1000:.0f} ms")
    elif isinstance(error, ssl.SSLError | aiohttp.ClientSSLError):
        wrapped = TlsRejected("its certificate or its TLS is not accepted")
    elif isinstance(error, aiohttp.ClientConnectorDNSError):
        wrapped = ServerUnavailable("its host name does not resolve")
    elif isinstance(error, aiohttp.ClientConnectorError):
        wrapped = ServerUnavailable(f"no connection: {error.os_error.strerror or type(error.os_error).__name__}")
    elif isinstance(error, _LOST):
        wrapped = ConnectionLost("the connection was lost before the response was complete")
    elif isinstance(error, aiohttp.ClientError):
        wrapped = InvalidResponse(f"its response is not HTTP ({type(error).__name__})")
    else:
        wrapped = ConnectionLost(getattr(error, "strerror", None) or type(error).__name__)
    return wrapped
