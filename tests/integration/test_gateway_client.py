"""The command line's client of the gateway, against a server that handles connections as real ones do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from pointsman.cli.gateway import GatewayClient, GatewayUnavailable

pytestmark = pytest.mark.integration

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter, int], Awaitable[None]]


@asynccontextmanager
async def server(serve: Serve) -> AsyncIterator[str]:
    """Run ``serve(reader, writer, number of the connection)`` for every connection; yield the URL."""
    count = 0
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await serve(reader, writer, count)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    running = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{running.sockets[0].getsockname()[1]}"
    finally:
        running.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def answer(body: bytes, status: str = "200 OK", *more: str) -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {status}", f"content-length: {len(body)}", *more])
    return head.encode() + b"\r\n\r\n" + body


async def test_one_connection_serves_many_requests() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer(b"%d" % number))

    async with server(serve) as url, GatewayClient(url) as gateway:
        assert [(await gateway.get("/")).body for _ in range(3)] == [b"1", b"1", b"1"]


async def test_requests_at_the_same_time_have_connections_of_their_own() -> None:
    together = asyncio.Barrier(3)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await together.wait()
        writer.write(answer(b"%d" % number))

    async with server(serve) as url, GatewayClient(url) as gateway:
        replies = await asyncio.gather(*(gateway.get("/") for _ in range(3)))
        assert sorted(reply.body for reply in replies) == [b"1", b"2", b"3"]


async def test_a_post_carries_its_body_as_json_and_the_path_of_the_url() -> None:
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        seen.append(await reader.readexactly(13))
        writer.write(answer(b'{"a": 1}', "202 Accepted"))

    async with server(serve) as url, GatewayClient(url + "/under/") as gateway:
        reply = await gateway.post("/v1/x", {"text": "é"})
    assert (reply.status, reply.ok, reply.json()) == (202, True, {"a": 1})
    assert seen[0].startswith(b"POST /under/v1/x HTTP/1.1\r\n")
    assert seen[1] == '{"text":"é"}'.encode()


async def test_a_connection_that_the_server_closed_while_idle_is_not_used_again() -> None:
    closed = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(b"%d" % number))
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        closed.set()

    async with server(serve) as url, GatewayClient(url) as gateway:
        assert (await gateway.get("/")).body == b"1"
        await closed.wait()
        await asyncio.sleep(0)  # one turn of the loop, in which the end of the stream arrives
        async with asyncio.timeout(10):
            while True:
                try:
                    assert (await gateway.get("/")).body in (b"2", b"3", b"4")
                    break
                except GatewayUnavailable:  # it arrived too late, as it may
                    continue


async def test_a_connection_that_is_to_be_closed_is_not_used_again() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(b"%d" % number, "200 OK", "Connection: close"))
        await reader.read()

    async with server(serve) as url, GatewayClient(url) as gateway:
        assert [(await gateway.get("/")).body for _ in range(2)] == [b"1", b"2"]


async def test_a_body_in_chunks_is_put_together() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n")

    async with server(serve) as url, GatewayClient(url) as gateway:
        assert [(await gateway.get("/")).body for _ in range(2)] == [b"abcde", b"abcde"]


async def test_problem_details_become_one_line() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b'{"title":"Bad","status":422,"errors":[{"field":"context","detail":"expected 12"}]}'
        writer.write(answer(body, "422 Unprocessable Content"))

    async with server(serve) as url, GatewayClient(url) as gateway:
        reply = await gateway.get("/")
    assert not reply.ok
    assert reply.problem() == "422 context: expected 12"


@pytest.mark.parametrize(
    "bytes_sent",
    [
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
    ],
    ids=["nothing", "half a body", "no HTTP", "a bad length"],
)
async def test_an_answer_that_is_none_is_an_error_that_names_the_server(bytes_sent: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(bytes_sent)

    async with server(serve) as url, GatewayClient(url) as gateway:
        with pytest.raises(GatewayUnavailable, match=r"127\.0\.0\.1:\d+"):
            await gateway.get("/")


async def test_waiting_for_an_answer_has_a_bound() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await reader.read()

    async with server(serve) as url, GatewayClient(url, timeout_s=0.05) as gateway:
        with pytest.raises(GatewayUnavailable, match="no complete response within"):
            await gateway.get("/")


async def test_a_refused_connection_is_an_error_that_names_the_server() -> None:
    async with GatewayClient("http://127.0.0.1:1") as gateway:
        with pytest.raises(GatewayUnavailable, match=r"127\.0\.0\.1:1"):
            await gateway.get("/")


@pytest.mark.parametrize(
    "url", ["ftp://host", "http://", "", "http://127.0.0.1:abc", "http://127.0.0.1:99999", ":99999"]
)
def test_an_address_that_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="expected http"):
        GatewayClient(url)
