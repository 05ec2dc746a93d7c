"""Reading a log: in order, nothing missed and nothing twice, whatever becomes of server and consumer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from nats.aio.msg import Msg as Message
from nats.js.api import StreamConfig

from pointsman.runtime.bus import Bus, BusUnavailable, LogReader, StoredMessage, StreamMissing
from tests.support.processes import NatsServer
from tests.support.waiting import eventually


@pytest_asyncio.fixture
async def log(bus: Bus) -> AsyncIterator[Bus]:
    """The connection to a server with one empty log."""
    await bus.nats.jetstream().add_stream(StreamConfig(name="LOG", subjects=["log.*"], allow_direct=True))
    yield bus


async def _append(bus: Bus, first: int, last: int, tiers: str = "A") -> None:
    """Append the numbers first to last, each to the next tier in turn."""
    pending = [
        await bus.requests.send(f"log.{tiers[number % len(tiers)]}", b"%d" % number, 30.0)
        for number in range(first, last + 1)
    ]
    await asyncio.gather(*pending)


async def _read(reader: LogReader, until: int) -> list[StoredMessage]:
    """Read to the message of a sequence, trying again where the server cannot be read from."""
    found: list[StoredMessage] = []
    async with asyncio.timeout(60.0):
        while not found or found[-1].sequence < until:
            try:
                found += await reader.next_batch(wait_s=1.0)
            except BusUnavailable:
                continue
    return found


def _numbers(messages: list[StoredMessage]) -> list[int]:
    return [int(message.data) for message in messages]


async def test_everything_is_read_in_order_from_a_start(log: Bus) -> None:
    await _append(log, 1, 50)
    reader = LogReader(log, "LOG", "log.A", 11)
    found = await _read(reader, 50)
    assert [message.sequence for message in found] == list(range(11, 51))
    assert _numbers(found) == list(range(11, 51))
    assert {message.subject for message in found} == {"log.A"}
    assert [message.at_ms for message in found] == sorted(message.at_ms for message in found)
    direct = await log.get("LOG", 20)
    assert direct == found[9]
    await reader.close()


async def test_a_batch_is_never_larger_than_asked_for(log: Bus) -> None:
    await _append(log, 1, 1000)
    reader = LogReader(log, "LOG", "log.*", max_batch=64)
    found: list[StoredMessage] = []
    while len(found) < 1000:
        batch = await reader.next_batch(wait_s=5.0)
        assert 1 <= len(batch) <= 64
        found += batch
    assert _numbers(found) == list(range(1, 1001))
    assert reader.restarts == 0
    await reader.close()


async def test_what_is_appended_while_reading_follows(log: Bus) -> None:
    reader = LogReader(log, "LOG", "log.A", max_batch=10)
    writing = asyncio.create_task(_append(log, 1, 500))
    assert _numbers(await _read(reader, 500)) == list(range(1, 501))
    await writing
    await _append(log, 501, 501)
    assert _numbers(await _read(reader, 501)) == [501]
    await reader.close()


async def test_only_the_subject_asked_for_is_read(log: Bus) -> None:
    await _append(log, 1, 60, tiers="ABC")
    reader = LogReader(log, "LOG", "log.B", 5)
    found = await _read(reader, 58)
    assert _numbers(found) == list(range(7, 59, 3))
    assert [message.sequence for message in found] == list(range(7, 59, 3))
    await reader.close()


async def test_the_last_message_of_each_subject_comes_first_and_then_every_change(log: Bus) -> None:
    await _append(log, 1, 30, tiers="ABC")
    reader = LogReader(log, "LOG", "log.*", last_per_subject=True)
    assert _numbers(await _read(reader, 30)) == [28, 29, 30]
    await _append(log, 31, 33, tiers="ABC")
    assert _numbers(await _read(reader, 33)) == [31, 32, 33]
    await reader.close()


async def test_nothing_to_read_is_an_empty_list(log: Bus) -> None:
    reader = LogReader(log, "LOG", "log.A")
    assert await reader.next_batch(wait_s=0.05) == []
    await _append(log, 1, 1)
    assert _numbers(await _read(reader, 1)) == [1]
    assert await reader.next_batch(wait_s=0.0) == []
    await reader.close()


async def test_a_reader_that_has_everything_is_idle(log: Bus) -> None:
    await _append(log, 1, 20)
    reader = LogReader(log, "LOG", "log.A", max_batch=10)
    idle = [reader.idle]
    await reader.next_batch(wait_s=5.0)
    idle.append(reader.idle)
    assert reader.pending > 0
    await _read(reader, 20)
    idle.append(reader.idle)
    assert idle == [False, False, True]
    await reader.close()


async def test_a_reader_is_complete_up_to_when_it_asked_and_not_while_more_is_on_its_way(log: Bus) -> None:
    reader = LogReader(log, "LOG", "log.A")
    await reader.next_batch(wait_s=0.05)
    before = time.time()
    assert before <= (await reader.complete_at() or 0.0) <= time.time()  # a log without a message is complete
    await _append(log, 1, 20)
    await _read(reader, 20)
    assert await reader.complete_at() is not None
    held_up = time.time()
    await _append(log, 21, 21)
    assert await reader.complete_at() is None, f"one was stored after {held_up}"
    await _read(reader, 21)
    assert (await reader.complete_at() or 0.0) > held_up
    await _append(log, 22, 22, tiers="B")
    assert await reader.complete_at() is not None  # of another subject
    await reader.close()


async def test_reading_goes_on_when_the_consumer_is_deleted(log: Bus) -> None:
    await _append(log, 1, 300)
    reader = LogReader(log, "LOG", "log.A", max_batch=20)
    found: list[StoredMessage] = []
    manager = log.nats.jetstream()
    for until in (60, 180):
        while not found or found[-1].sequence < until:
            found += await reader.next_batch(wait_s=1.0)
        for consumer in await manager.consumers_info("LOG"):
            await manager.delete_consumer("LOG", consumer.name)
    await _append(log, 301, 310)
    found += await _read(reader, 310)
    assert _numbers(found) == list(range(1, 311))
    assert reader.restarts == 2
    await reader.close()


async def test_reading_goes_on_when_the_server_is_killed(log: Bus, nats_server: NatsServer) -> None:
    await _append(log, 1, 2000)
    reader = LogReader(log, "LOG", "log.A", max_batch=100)
    found = await _read(reader, 700)
    came_back = asyncio.Event()

    async def note() -> None:
        came_back.set()

    log.on_reconnect(note)
    nats_server.kill()
    nats_server.start()
    reading = asyncio.create_task(_read(reader, 2020))
    await asyncio.wait_for(came_back.wait(), 30.0)
    await _append(log, 2001, 2020)
    found += await reading
    assert _numbers(found) == list(range(1, 2021))
    assert [message.sequence for message in found] == list(range(1, 2021))
    assert reader.restarts >= 1
    await reader.close()


async def test_a_log_that_does_not_exist_raises_stream_missing(bus: Bus) -> None:
    reader = LogReader(bus, "LOG", "log.A")
    with pytest.raises(StreamMissing):
        await reader.next_batch(wait_s=1.0)
    await reader.close()


async def test_a_log_that_appears_is_read(bus: Bus) -> None:
    reader = LogReader(bus, "LOG", "log.A")
    with pytest.raises(StreamMissing):
        await reader.next_batch(wait_s=1.0)
    await bus.nats.jetstream().add_stream(StreamConfig(name="LOG", subjects=["log.*"]))
    await _append(bus, 1, 3)
    assert _numbers(await _read(reader, 3)) == [1, 2, 3]
    await reader.close()


async def test_a_log_that_is_deleted_is_noticed(log: Bus) -> None:
    await _append(log, 1, 3)
    reader = LogReader(log, "LOG", "log.A")
    await _read(reader, 3)
    await log.nats.jetstream().delete_stream("LOG")
    with pytest.raises(StreamMissing):
        async with asyncio.timeout(30.0):
            while True:
                await reader.next_batch(wait_s=1.0)
    await reader.close()


async def test_a_closed_reader_leaves_no_consumer_behind(log: Bus) -> None:
    await _append(log, 1, 3)
    reader = LogReader(log, "LOG", "log.A")
    await _read(reader, 3)
    assert len(await log.nats.jetstream().consumers_info("LOG")) == 1
    await reader.close()

    async def gone() -> bool:
        return await log.nats.jetstream().consumers_info("LOG") == []

    await eventually(gone, "the consumer is deleted")


async def test_a_consumer_that_begins_too_early_returns_nothing_twice(
    log: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NATS 2.10 lets a consumer begin at the end of its own server's copy, if that is before the requested sequence."""
    call = log.requests.call

    async def begin_earlier(subject: str, payload: bytes, timeout_s: float) -> Message:
        return await call(subject, payload.replace(b'"opt_start_seq":11', b'"opt_start_seq":5'), timeout_s)

    monkeypatch.setattr(log.requests, "call", begin_earlier)
    await _append(log, 1, 20)
    reader = LogReader(log, "LOG", "log.*", 11)
    assert [message.sequence for message in await _read(reader, 20)] == list(range(11, 21))
    await reader.close()
