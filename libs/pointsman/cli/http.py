"""A small JSON client for the gateway: HTTP/1.1 over asyncio streams, connections kept alive.

The command line needs no more than this, and it adds little to what is measured with it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

import msgspec

CONNECT_TIMEOUT_S = 5.0


class GatewayUnreachable(Exception):
    """There was no connection, it broke, or no answer came in time. A request that was sent may have had its effect."""


class Reply(NamedTuple):
    """The answer to one request."""

    status: int
    body: bytes

    @property
    def ok(self) -> bool:
        """Tell whether the status is one of success."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """Return the body as plain Python values."""
        return msgspec.json.decode(self.body)

    def problem(self) -> str:
        """Return what the gateway says is wrong, in a line: its problem details where the body holds some."""
        try:
            told = self.json()
            fields = "; ".join(f"{error['field']}: {error['detail']}" for error in told.get("errors") or [])
            text = fields or told.get("detail") or told["title"]
        except (msgspec.MsgspecError, AttributeError, KeyError, TypeError):
            text = self.body[:200].decode(errors="replace")
        return f"{self.status} {text}".strip()


class _Connection(NamedTuple):
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class GatewayClient:
    """Requests to one gateway, as many at a time as there are callers; each connection is used again.

    Use it as ``async with GatewayClient(url) as gateway``.

    Parameters
    ----------
    url : str
        As ``http://127.0.0.1:8080``; ``https`` works too.
    timeout_s : float
        Bound on one request, the answer included.
    api_key : str, optional
        Sent with every request.

    Raises
    ------
    ValueError
        When the URL or the key cannot be one.
    """

    def __init__(self, url: str, timeout_s: float = 10.0, api_key: str | None = None) -> None:
        parts = urlsplit(url if "//" in url else f"http://{url}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"expected http://host:port, got {url!r}")
        self._tls = parts.scheme == "https"
        self._host = parts.hostname
        self._port = parts.port or (443 if self._tls else 80)
        self._prefix = parts.path.rstrip("/")
        self._head = f" HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: application/json\r\n"
        if api_key:
            if not (api_key.isascii() and api_key.isprintable()):
                raise ValueError("expected a valid API key of printable ASCII characters")
            self._head += f"Authorization: Bearer {api_key}\r\n"
        self._timeout_s = timeout_s
        self._idle: deque[_Connection] = deque()

    async def __aenter__(self) -> Self:
        """Return the client; connections are made when they are needed."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        while self._idle:
            connection = self._idle.pop()
            connection.writer.close()
            with contextlib.suppress(OSError):
                await connection.writer.wait_closed()
        await asyncio.sleep(0)  # one turn of the loop, in which those that were given up are closed too

    async def get(self, path: str) -> Reply:
        """Send a GET."""
        return await self._request(f"GET {self._prefix}{path}{self._head}\r\n".encode())

    async def post(self, path: str, body: object) -> Reply:
        """Send a POST with the body as JSON."""
        data = msgspec.json.encode(body)
        head = f"POST {self._prefix}{path}{self._head}Content-Type: application/json\r\n"
        return await self._request(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)

    async def _request(self, request: bytes) -> Reply:
        connection = None
        try:
            async with asyncio.timeout(self._timeout_s):
                connection = await self._connection()
                connection.writer.write(request)
                await connection.writer.drain()
                reply, keep = await _read_reply(connection.reader)
        except BaseException as error:
            if connection is not None:
                connection.writer.transport.abort()
            if isinstance(error, TimeoutError):
                raise self._unreachable("no answer in time") from error
            if isinstance(error, OSError | EOFError | ValueError | IndexError | asyncio.LimitOverrunError):
                raise self._unreachable(str(error) or type(error).__name__) from error
            raise
        if keep:
            self._idle.append(connection)
        else:
            connection.writer.transport.abort()
        return reply

    def _unreachable(self, why: str) -> GatewayUnreachable:
        return GatewayUnreachable(f"{self._host}:{self._port}: {why}")

    async def _connection(self) -> _Connection:
        while self._idle:
            connection = self._idle.pop()
            # The server closes what is idle for some seconds; writing to that would lose the request.
            if not connection.reader.at_eof() and not connection.writer.is_closing():
                return connection
            connection.writer.transport.abort()
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            return _Connection(*await asyncio.open_connection(self._host, self._port, ssl=self._tls or None))


async def _read_reply(reader: asyncio.StreamReader) -> tuple[Reply, bool]:
    """Read one answer; also tell whether the connection may be used again."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = int(head[0].split(" ", 2)[1])
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])}
    if fields.get("transfer-encoding", "").lower() == "chunked":
        body = await _read_chunks(reader)
    elif "content-length" in fields:
        body = await reader.readexactly(int(fields["content-length"]))
    else:
        body = b"" if status in (204, 304) else await reader.read()
    return Reply(status, body), "content-length" in fields and fields.get("connection", "").lower() != "close"


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    chunks = []
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        chunks.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readuntil(b"\r\n")
    return b"".join(chunks)
