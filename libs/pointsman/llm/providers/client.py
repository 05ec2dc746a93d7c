"""The HTTP client of one provider: a pool of connections, bounds on everything, and errors that say what happened."""

from __future__ import annotations

import asyncio
import io
import ssl

import aiohttp
from aiohttp import ClientResponse, ClientSession

from pointsman.llm.providers.base import Dialect
from pointsman.llm.providers.config import Settings
from pointsman.llm.providers.errors import Kind, ProviderError
from pointsman.llm.providers.wire import Call

MAX_ANSWER_BYTES = 64 * 1024 * 1024
MAX_ERROR_BYTES = 64 * 1024
MAX_HEADER_BYTES = 64 * 1024
"""Of one header: some have long ones for browsers, such as security policies."""
_KEEP_IDLE_S = 30.0
_LARGE_BODY = 1024 * 1024
_LOST = (aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)


class Exchange:
    """A response that is being read; whoever has it lets go of it with `finish` or `cut`.

    Attributes
    ----------
    status : int
    headers : mapping
    """

    def __init__(self, response: ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.headers = response.headers

    async def part(self) -> bytes:
        """Return the next bytes, as they came; empty at the end."""
        return await self._response.content.readany()

    def part_at_hand(self) -> bytes:
        """Return what has come already; empty when nothing has."""
        return self._response.content.read_nowait(-1)

    async def all(self, most: int) -> bytes:
        """Return the whole body.

        Raises
        ------
        ValueError
            It is longer than ``most`` bytes.
        """
        parts = []
        size = 0
        while part := await self._response.content.readany():
            size += len(part)
            if size > most:
                raise ValueError(f"the answer is longer than {most} bytes")
            parts.append(part)
        return b"".join(parts)

    async def beginning(self, most: int) -> bytes:
        """Return the first bytes of the body, as many as are enough to say what is wrong."""
        body = b""
        while len(body) < most and (part := await self._response.content.readany()):
            body += part
        return body[:most]

    def finish(self) -> None:
        """Give the connection back; one whose answer was not read to the end is cut."""
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()

    def cut(self) -> None:
        """Close the connection, so that the provider stops."""
        self._response.close()


class HttpClient:
    """Sends requests to one provider.

    Redirects are not followed, and proxies of the environment are not used: a key goes to the address of the
    configuration and nowhere else.

    Parameters
    ----------
    settings : Settings
    """

    def __init__(self, settings: Settings) -> None:
        config = settings.config
        self._name = settings.name
        self._settings = settings
        self._most = config.max_connections
        self._connect_ms = config.connect_timeout_ms
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=config.connect_timeout_ms / 1000.0)
        self._session: ClientSession | None = None

    async def send(self, call: Call) -> Exchange:
        """Send a request; return when the head of the answer is there.

        Raises
        ------
        aiohttp.ClientError, OSError, TimeoutError
            See `explained`.
        """
        session = self._session or self._open()
        # aiohttp writes bytes at once, and a large body in pieces when it is a file
        body = call.body if len(call.body) <= _LARGE_BODY else io.BytesIO(call.body)
        response = await session.post(call.url, data=body, headers=call.headers, allow_redirects=False)
        return Exchange(response)

    def _open(self) -> ClientSession:
        # Made with the first request, because a session belongs to the event loop that runs.
        connector = aiohttp.TCPConnector(limit=self._most, keepalive_timeout=_KEEP_IDLE_S)
        self._session = ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=self._timeout,
            trust_env=False,
            max_field_size=MAX_HEADER_BYTES,
        )
        return self._session

    def explained(self, error: BaseException, dialect: Dialect) -> ProviderError | None:
        """Return what an exception of `send`, or of reading, means; None for one that is not about the provider."""
        kind: Kind = "connect"
        retryable = True
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            why = f"no connection within {self._connect_ms} ms"
        elif isinstance(error, ssl.SSLError | aiohttp.ClientSSLError):
            why, retryable = "its certificate or its TLS is not accepted", False
        elif isinstance(error, aiohttp.ClientConnectorDNSError):
            why = "its name cannot be resolved"
        elif isinstance(error, aiohttp.ClientConnectorError):
            why = f"no connection: {error.os_error.strerror or type(error.os_error).__name__}"
        elif isinstance(error, _LOST):
            why = "the connection was lost before the answer was there"
        elif isinstance(error, aiohttp.ClientError):
            kind, why, retryable = "protocol", f"its answer is no HTTP ({type(error).__name__})", False
        elif isinstance(error, OSError) and not isinstance(error, TimeoutError):
            why = error.strerror or type(error).__name__
        else:
            return None
        text = self._settings.redacted(f"{self._name}: {why}")
        return ProviderError(kind, text, dialect=dialect, retryable=retryable)

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            # Transports under TLS close in the loop's next turn.
            await asyncio.sleep(0)
            self._session = None
