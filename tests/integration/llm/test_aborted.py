"""Clients that hang up or do not read: nothing stays open or piles up, and each request has one outcome."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.outcome import outcome_decoder
from pointsman.runtime.bus import Bus
from tests.integration.llm.conftest import unique
from tests.integration.llm.outcomes import outcome_of
from tests.integration.llm.scripted_provider import ScriptedProvider
from tests.support.loop_calls import read_all
from tests.support.processes import ServiceProcess, free_port
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

ABORTED = 200
AT_ONCE = 25
MB = 1024 * 1024

CONFIG = """
[context]
dim = 12

[[provider]]
name = "scripted"
kind = "openai"
base_url = "http://127.0.0.1:{port}/v1"
retries = 0

[[tier]]
name = "T"
arms = ["scripted:m"]
"""


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def config_toml(port: int) -> str:
    return CONFIG.format(port=port)


@pytest.fixture
async def provider(port: int) -> AsyncIterator[ScriptedProvider]:
    async with ScriptedProvider(port) as provider:
        yield provider


async def ask(services: dict[str, ServiceProcess], text: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send a request for a stream."""
    url = urlsplit(services["gateway"].url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    message = {"role": "user", "content": text}
    body = json.dumps({"model": "tier/T", "messages": [message], "stream": True}).encode()
    writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
    return reader, writer


async def test_nothing_is_left_of_streams_that_were_aborted(
    services: dict[str, ServiceProcess], provider: ScriptedProvider, bus: Bus
) -> None:
    """Half of the clients leave while the provider is waited for, half in mid-stream."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def abort(at: int) -> None:
        async with turn:
            text = unique("wait" if at % 2 else "begin")
            reader, writer = await ask(services, text)
            if at % 2:
                await eventually(is_true(lambda: text in provider.seen), "the provider was asked")
            else:
                await reader.readuntil(b"Hello")
            writer.transport.abort()

    await asyncio.gather(*(abort(at) for at in range(ABORTED)))
    await eventually(is_true(lambda: len(provider.seen) == ABORTED), "every request came to the provider")
    await eventually(is_true(lambda: provider.open == 0), "no connection to the provider is open")
    log = await read_all(bus, subjects.DECISIONS, subjects.decision_log("T"))
    assert len(log) == ABORTED
    ids: Counter[str] = Counter()

    async def all_have_outcomes() -> bool:
        ids.clear()
        ids.update(outcome_decoder.decode(d).decision_id for d in await read_all(bus, subjects.OUTCOMES, "outcomes.T"))
        return len(ids) >= ABORTED

    await eventually(all_have_outcomes, "every request has an outcome")
    assert len(ids) == ids.total() == ABORTED
    assert services["gateway"].running


async def test_a_client_that_does_not_read_holds_the_provider_back(
    services: dict[str, ServiceProcess], provider: ScriptedProvider
) -> None:
    """What is under way fills the sockets' buffers and no more, and the gateway's memory does not grow with it."""
    before = resident_bytes(services["gateway"].pid)
    reader, writer = await ask(services, unique("flood"))
    await reader.readuntil(b"Hello")
    writer.transport.pause_reading()  # type: ignore[attr-defined]  # a transport of a socket has it
    steady = -1
    while steady != provider.flooded:
        steady = provider.flooded
        await asyncio.sleep(0.5)
    assert steady < 32 * MB
    assert resident_bytes(services["gateway"].pid) - before < 16 * MB
    writer.transport.abort()
    await eventually(is_true(lambda: provider.open == 0), "the provider is cut off")


@pytest.mark.parametrize("odd", [b"x-request-id: caf\xe9\r\n", b"x-request-id: a\x01b\r\n"])
async def test_a_header_that_cannot_be_passed_on_costs_the_header_and_nothing_else(
    services: dict[str, ServiceProcess], provider: ScriptedProvider, bus: Bus, odd: bytes
) -> None:
    provider.headers = odd + b"x-ratelimit-remaining-requests: 7\r\n"
    reader, writer = await ask(services, unique("short"))
    head = await reader.readuntil(b"\r\n\r\n")
    body = await reader.readuntil(b"0\r\n\r\n")
    writer.close()
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"x-request-id" not in head
    assert b"x-ratelimit-remaining-requests: 7\r\n" in head
    assert b"[DONE]" in body
    lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:] if line)
    assert (await outcome_of(bus, lines["x-pointsman-decision-id"])).learn


async def test_a_proxy_in_front_does_not_buffer_a_stream(
    services: dict[str, ServiceProcess], provider: ScriptedProvider
) -> None:
    reader, writer = await ask(services, unique("short"))
    head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    assert b"x-accel-buffering: no\r\n" in head
    assert b"cache-control: no-cache\r\n" in head


def is_true(what: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    async def asked() -> bool:
        return what()

    return asked


def resident_bytes(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096
