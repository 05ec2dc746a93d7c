"""The gateway's protocol on real sockets: long bodies that come on, ones that do not, and clients that do not read."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from pointsman.runtime.probe import listen
from pointsman_gateway.http import protocol
from pointsman_gateway.http.protocol import bounded
from pointsman_gateway.http.request import ClientDisconnected, read_body
from pointsman_gateway.registry import LONG_BODY_PATHS, client_problem

pytestmark = pytest.mark.integration

READ_TIMEOUT_S = 0.4
LEAST_BYTES_PER_S = 10_000
MOST = 1_000_000
OPENAI, ANTHROPIC, COUNT = "/v1/chat/completions", "/v1/messages", "/v1/messages/count_tokens"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the length of the body; ``refused`` is answered before it has come, ``flood`` without end."""
    body = b""
    if scope["query_string"] not in (b"refused", b"flood"):
        try:
            body = await read_body(scope, receive, MOST)
        except ClientDisconnected:
            return
    answer = b"%d" % len(body)
    flood = scope["query_string"] == b"flood"
    headers = [] if flood else [(b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if flood:
        hung_up = asyncio.create_task(hang_up(receive))
        while not hung_up.done():
            await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
            await asyncio.sleep(0.001)
    await send({"type": "http.response.body", "body": answer})


async def hang_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def rest(reader: asyncio.StreamReader) -> bytes:
    """Return all that comes until the connection is closed or reset."""
    received = b""
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(30.0):
            while part := await reader.read(65536):
                received += part
    return received


@asynccontextmanager
async def served(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[int, uvicorn.Server]]:
    monkeypatch.setattr(protocol, "MIN_BYTES_PER_S", LEAST_BYTES_PER_S)
    monkeypatch.setattr(protocol, "CLIENT_READ_TIMEOUT_S", 0.3)
    made = bounded(READ_TIMEOUT_S, 1000, dict.fromkeys(LONG_BODY_PATHS, MOST), client_problem)
    server = uvicorn.Server(uvicorn.Config(app, http=made, lifespan="off", log_config=None, ws="none"))
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]  # older uvicorns have it
    bound = listen("127.0.0.1", 0)
    serving = asyncio.create_task(server._serve([bound]))
    try:
        yield bound.getsockname()[1], server
    finally:
        server.should_exit = server.force_exit = True
        await serving


async def asked(port: int, head: str, pieces: int, size: int, pause_s: float) -> tuple[str, bytes]:
    """Send a body piece by piece for as long as there is no answer; return the answer's head and body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{head}\r\nhost: x\r\ncontent-length: {pieces * size}\r\n\r\n".encode())
    answer = asyncio.create_task(reader.readuntil(b"\r\n\r\n"))
    for _ in range(pieces):
        if answer.done():
            break
        writer.write(b"x" * size)
        await asyncio.sleep(pause_s)
    top = (await answer).decode()
    length = int(top.lower().split("content-length: ")[1].split("\r\n")[0])
    body = await reader.readexactly(length)
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    return top, body


async def test_a_long_body_may_take_long_as_long_as_it_comes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async with served(monkeypatch) as (port, _):
        top, body = await asked(port, f"POST {OPENAI} HTTP/1.1", 30, 2000, 0.05)
    assert (top.split(" ")[1], body) == ("200", b"60000")


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [
        (OPENAI, 1, 408),
        ("/v1/decisions", 30, 408),
        (f"{OPENAI}?refused", 2000, 200),  # answered before; the connection is closed
    ],
)
async def test_a_slow_or_unwanted_body_has_the_same_time_limit(
    monkeypatch: pytest.MonkeyPatch, path: str, size: int, status: int
) -> None:
    async with served(monkeypatch) as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {10_000 * size}\r\n\r\n".encode())

        async def drip() -> None:
            while True:
                writer.write(b"x" * size)
                await asyncio.sleep(0.05)

        dripping = asyncio.create_task(drip())
        answer = await rest(reader)
        dripping.cancel()
        await asyncio.gather(dripping, return_exceptions=True)
        writer.transport.abort()
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert answer.count(b"HTTP/1.1") == 1


async def test_what_came_fast_at_first_is_no_credit_for_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    async with served(monkeypatch) as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"POST {ANTHROPIC} HTTP/1.1\r\nhost: x\r\ncontent-length: {MOST}\r\n\r\n".encode())
        writer.write(b"x" * (MOST - 1))
        began_s = asyncio.get_running_loop().time()
        answer = await rest(reader)
        took_s = asyncio.get_running_loop().time() - began_s
        writer.close()
    assert answer.startswith(b"HTTP/1.1 408 ")
    # At the rate of the bound, a megabyte would be credit for 100 s.
    assert took_s < 25.0


@pytest.mark.parametrize(
    ("sent", "status", "dialect"),
    [
        (f"POST {OPENAI} HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n", 408, "openai"),
        (f"POST {ANTHROPIC}?beta=true HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n", 408, "anthropic"),
        (f"POST {COUNT} HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n", 408, "anthropic"),
        (f"POST {OPENAI} HTTP/1.1\r\nhost: x\r\n", 408, "openai"),
        ("GET /v1/models HTTP/1.1\r\nanthropic-version: 1\r\nhost: ", 408, "anthropic"),
        ("POST /v1/decisions HTTP/1.1\r\nhost: x\r\n", 408, "problem"),
        ("P", 408, "problem"),
        (f"POST {ANTHROPIC} HTTP/1.1\r\nx: {'y' * 140_000}", 431, "anthropic"),
        ("neither HTTP nor anything\r\n\r\n", 400, "problem"),
    ],
)
async def test_errors_of_the_protocol_are_what_the_clients_of_the_path_expect(
    monkeypatch: pytest.MonkeyPatch, sent: str, status: int, dialect: str
) -> None:
    async with served(monkeypatch) as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for at in range(0, len(sent), 30_000):
            writer.write(sent[at : at + 30_000].encode())
            await writer.drain()
        answer = await rest(reader)
        writer.close()
    top, _, body = answer.partition(b"\r\n\r\n")
    assert int(top.split(b" ")[1]) == status
    problem = json.loads(body)
    if dialect == "openai":
        assert problem["error"]["message"]
        assert problem["error"]["type"] == "invalid_request_error"
    elif dialect == "anthropic":
        assert (problem["type"], problem["error"]["type"]) == ("error", "invalid_request_error")
    else:
        assert problem["status"] == status
        assert b"application/problem+json" in top


async def test_a_client_that_reads_nothing_is_cut_off_and_one_that_reads_slowly_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with served(monkeypatch) as (port, server):
        connections = []
        for _ in range(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
            writer.write(b"GET /x?flood HTTP/1.1\r\nhost: x\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
            connections.append((reader, writer))
        (slow, slow_writer), (_, stalled_writer) = connections
        taken = 0
        async with asyncio.timeout(30.0):
            while len(server.server_state.connections) > 1:
                taken += len(await slow.read(1_000_000))
                await asyncio.sleep(0.01)
            for _ in range(20):  # it is still served
                assert await slow.read(1_000_000)
        assert taken
        for writer in (slow_writer, stalled_writer):
            writer.transport.abort()
        await asyncio.gather(*server.server_state.tasks)
