"""A connection carries one response for each request, and is closed on everything else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from pointsman.runtime.http.client import HttpClient
from pointsman.runtime.http.connection import MAX_INTERIM_RESPONSES
from pointsman.runtime.http.errors import HttpError

INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def response(body: bytes, *headers: bytes) -> bytes:
    length = b"Content-Length: %d" % len(body)
    return b"\r\n".join([b"HTTP/1.1 200 OK", length, *headers, b"", body])


@asynccontextmanager
async def server(reply: bytes, later: bytes = b"") -> AsyncIterator[tuple[str, list[int]]]:
    """Answer every request with these bytes, and send the others after the answer; yields the number of connections."""
    connections: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        try:
            while await reader.read(4096):
                writer.write(reply)
                if later:
                    await asyncio.sleep(0.05)
                    writer.write(later)
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listener:
        yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/", connections


async def test_a_connection_is_used_again_and_keeps_no_cookie() -> None:
    async with server(response(b"yes", b"Set-Cookie: a=b")) as (url, connections), HttpClient() as client:
        for _ in range(3):
            assert (await client.request("GET", url)).body == b"yes"
        assert client._session is not None
        assert len(client._session.cookie_jar) == 0
        assert len(connections) == 1


async def test_a_second_response_with_the_first_closes_the_connection() -> None:
    async with server(response(b"yes") * 2) as (url, connections), HttpClient() as client:
        for _ in range(2):
            assert (await client.request("GET", url)).body == b"yes"
        assert len(connections) == 2


@pytest.mark.parametrize("later", [response(b"no"), b"HTTP/1.1 2", b"x"])
async def test_data_after_a_response_is_never_the_next_one(later: bytes) -> None:
    async with server(response(b"yes"), later) as (url, connections), HttpClient() as client:
        for _ in range(2):
            assert (await client.request("GET", url)).body == b"yes"
            await asyncio.sleep(0.2)
        assert len(connections) == 2


@pytest.mark.parametrize(
    ("reply", "accepted"),
    [
        (INTERIM * MAX_INTERIM_RESPONSES + response(b"yes"), True),
        (INTERIM * (MAX_INTERIM_RESPONSES + 1) + response(b"yes"), False),
        (response(b"yes", *[b"x-a: " + b"b" * 50_000] * 2), True),
        (response(b"yes", *[b"x-a: " + b"b" * 60_000] * 4), False),
        (CHUNKED + b"1\r\ny\r\n" * 20_000 + b"0\r\n\r\n", True),
        (CHUNKED + b"1\r\ny\r\n" * 100_000 + b"0\r\n\r\n", False),
        (CHUNKED + b"3;" + b"x" * 1_000_000 + b"\r\nyes\r\n0\r\n\r\n", False),
        (CHUNKED + b"3\r\nyes\r\n0\r\n" + b"x-a: b\r\n" * 20_000 + b"\r\n", False),
        (response(b"y" * 1_000_000), True),
    ],
)
async def test_what_is_not_the_body_is_bounded(reply: bytes, accepted: bool) -> None:
    async with server(reply) as (url, _), HttpClient() as client:
        if accepted:
            assert (await client.request("GET", url)).body.startswith(b"y")
        else:
            with pytest.raises(HttpError):
                await client.request("GET", url)
