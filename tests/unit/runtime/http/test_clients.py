"""Both HTTP clients against a real socket: the same responses and the same errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from pointsman.runtime.http import blocking
from pointsman.runtime.http.client import HttpClient
from pointsman.runtime.http.errors import (
    BodyTooLarge,
    ConnectionLost,
    HttpError,
    InvalidResponse,
    ResponseTimeout,
    ServerUnavailable,
    TlsRejected,
)
from pointsman.runtime.http.response import CompleteResponse

Get = Callable[[str, float, int], Awaitable[CompleteResponse]]


async def get_async(url: str, timeout_s: float, max_bytes: int) -> CompleteResponse:
    async with HttpClient() as client:
        return await client.request("GET", url, timeout_s=timeout_s, max_bytes=max_bytes)


async def get_blocking(url: str, timeout_s: float, max_bytes: int) -> CompleteResponse:
    return await asyncio.to_thread(blocking.get, url, timeout_s, max_bytes=max_bytes)


@asynccontextmanager
async def server(reply: bytes | None) -> AsyncIterator[str]:
    """Answer every request with these bytes and close; None never answers."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        if reply is None:
            await reader.read()
        else:
            writer.write(reply)
            await writer.drain()
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listener:
        yield f"127.0.0.1:{listener.sockets[0].getsockname()[1]}"


both = pytest.mark.parametrize("get", [get_async, get_blocking])


@both
async def test_response_of_any_status_is_returned(get: Get) -> None:
    async with server(b"HTTP/1.1 404 Not Found\r\nX-One: 1\r\nContent-Length: 2\r\n\r\nno") as address:
        response = await get(f"http://{address}/path?query=1", 5.0, 100)
    assert (response.status, response.headers["x-one"], response.body, response.ok) == (404, "1", b"no", False)


@both
@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", InvalidResponse),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n" + b"x" * 200, BodyTooLarge),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf", ConnectionLost),
        (b"", ConnectionLost),
        (None, ResponseTimeout),
    ],
)
async def test_bad_response_raises_its_error(get: Get, reply: bytes | None, error: type[HttpError]) -> None:
    async with server(reply) as address:
        with pytest.raises(error):
            await get(f"http://{address}/", 0.5, 100)


@both
async def test_refused_connection_is_unavailable(get: Get) -> None:
    async with server(b"") as address:
        pass
    with pytest.raises(ServerUnavailable, match="no connection"):
        await get(f"http://{address}/", 5.0, 100)


@both
async def test_tls_that_is_not_accepted_is_not_retryable(get: Get) -> None:
    async with server(b"HTTP/1.1 200 OK\r\n\r\n") as address:
        with pytest.raises(TlsRejected) as caught:
            await get(f"https://{address}/", 5.0, 100)
    assert not caught.value.retryable
