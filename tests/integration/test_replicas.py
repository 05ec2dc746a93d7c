"""Streams with three replicas: which numbers they get and keep, and reading while a replica is behind or gone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from nats.js.api import StreamConfig

from pointsman.cli.commands.doctor.finding import Finding
from pointsman.cli.commands.doctor.inspection import Inspection
from pointsman.cli.commands.doctor.replication import check_replication
from pointsman.cli.target import Target
from pointsman.contracts.config.connections import NatsConfig, RedisConfig
from pointsman.contracts.messages.subjects import ALERTS, OUTCOMES, PROBE_STREAM, alert
from pointsman.runtime.bus import Bus, BusUnavailable, LogReader, StreamMissing, ensure_streams
from pointsman.runtime.bus.replication import STREAMS, keep_replicas, update_stream
from pointsman.runtime.bus.write_watch import WriteWatch
from pointsman.runtime.store.store import Store
from pointsman_reward_updater.replica_watch import ReplicaWatch
from tests.support.nats_cluster import SIZE, NatsCluster, slowed
from tests.support.processes import NatsServer
from tests.support.waiting import eventually

MESSAGES, WRITERS = 4000, 20
WITHIN_S = 60.0


@pytest.fixture(scope="module")
def replicated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsCluster]:
    servers = NatsCluster(tmp_path_factory.mktemp("replicated"))
    try:
        servers.start()
        yield servers
    finally:
        servers.stop()


@pytest_asyncio.fixture
async def log(replicated: NatsCluster) -> AsyncIterator[NatsCluster]:
    """The servers with an empty stream LOG, of which all replicas are current."""
    bus = await Bus.connect(replicated.servers[0].url, "test")
    manager = bus.nats.jetstream(timeout=10.0)
    await manager.add_stream(StreamConfig(name="LOG", subjects=["log.*"], allow_direct=True, num_replicas=SIZE))
    await replicated.until_current("LOG")
    yield replicated
    for server in replicated.servers:
        server.resume()
    await manager.delete_stream("LOG")
    await bus.close()


async def connect(server: NatsServer) -> Bus:
    return await Bus.connect(server.url, server.name)


async def test_a_follower_that_is_behind_makes_no_message_missing(log: NatsCluster) -> None:
    leader, follower = await log.leader("LOG"), (await log.followers("LOG"))[0]
    writer, reader = await connect(leader), await connect(follower)
    missing: list[str] = []

    async def append_and_read() -> None:
        for _ in range(MESSAGES // WRITERS):
            newest = (await writer.append("log.A", b"x")).sequence
            get, following, last = await asyncio.gather(
                reader.get("LOG", newest), reader.next("LOG", "log.A", newest), reader.last("LOG", "log.A")
            )
            for call, found in (("get", get), ("next", following), ("last", last)):
                if found is None or found.sequence < newest:
                    missing.append(f"{call} {newest}: {found}")

    async with slowed(follower), asyncio.timeout(WITHIN_S):
        await asyncio.gather(*(append_and_read() for _ in range(WRITERS)))
    assert not missing, f"{len(missing)} of {MESSAGES}"
    assert await reader.get("LOG", MESSAGES + 1) is None
    assert await reader.next("LOG", "log.B", 1) is None
    for bus in (writer, reader):
        await bus.close()


async def test_what_the_leader_returns_equals_what_a_replica_returns(log: NatsCluster) -> None:
    bus = await connect(await log.leader("LOG"))
    traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await bus.append("log.A", b"\x00\xff{}", headers={"traceparent": traceparent, "Nats-Msg-Id": "1"})
    assert await bus.last("LOG", "log.A") == await bus.get("LOG", 1)
    stored = await bus.last("LOG", "log.A")
    assert stored is not None
    assert (stored.data, stored.traceparent) == (b"\x00\xff{}", traceparent)
    await bus.close()


async def test_without_a_response_of_the_leader_nothing_is_reported_missing(log: NatsCluster) -> None:
    leader, (remaining, other) = await log.leader("LOG"), await log.followers("LOG")
    bus = await connect(remaining)
    await bus.append("log.A", b"x")
    await log.until_current("LOG")
    for server in (leader, other):
        server.pause()
    try:
        for read in (bus.get("LOG", 2, 0.5), bus.next("LOG", "log.B", 1, 0.5), bus.last("LOG", "log.A", 0.5)):
            with pytest.raises(BusUnavailable):
                await read
    finally:
        for server in (leader, other):
            server.resume()
    await bus.close()


async def test_a_reader_misses_nothing_while_a_follower_is_behind_and_the_leader_is_killed(log: NatsCluster) -> None:
    leader, (follower, other) = await log.leader("LOG"), await log.followers("LOG")
    bus = await connect(other)
    reader = LogReader(bus, "LOG", "log.A")
    received: list[int] = []

    async def append(count: int) -> None:
        for _ in range(count):
            while True:
                try:
                    await bus.append("log.A", b"x", 1.0)
                    break
                except BusUnavailable:
                    await asyncio.sleep(0.1)

    async def follow(through: int) -> None:
        while not received or received[-1] < through:
            try:
                received.extend(message.sequence for message in await reader.next_batch(1.0))
            except BusUnavailable:
                await asyncio.sleep(0.1)

    async with asyncio.timeout(WITHIN_S):
        async with slowed(follower):
            await asyncio.gather(append(MESSAGES // WRITERS), follow(MESSAGES // WRITERS))
        leader.kill()
        try:
            await append(MESSAGES // WRITERS)
            await follow(2 * MESSAGES // WRITERS)
        finally:
            leader.start()
    assert received == list(range(1, len(received) + 1))
    await reader.close()
    await log.until_ready()
    await log.until_current("LOG")
    await bus.close()


@contextlib.asynccontextmanager
async def keeping(bus: Bus, wanted: int) -> AsyncIterator[None]:
    task = asyncio.create_task(keep_replicas(bus, wanted))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def replicas(bus: Bus) -> dict[str, int]:
    return {stream: (await bus.info(stream)).config.num_replicas for stream in STREAMS}


@pytest_asyncio.fixture
async def product(replicated: NatsCluster) -> AsyncIterator[Bus]:
    """A connection to the servers with the product's streams, each with three replicas that were one before."""
    bus = await Bus.connect(replicated.servers[0].url, "test")
    await ensure_streams(bus, NatsConfig())
    assert set((await replicas(bus)).values()) == {1}
    await bus.append("outcomes.T", b"{}")
    await update_stream(bus, OUTCOMES, {"metadata": {"owner": "operations"}})
    async with keeping(bus, SIZE):
        for stream in STREAMS:
            await replicated.until_current(stream)
    yield bus
    for stream in STREAMS:
        await bus.nats.jetstream(timeout=10.0).delete_stream(stream)
    await bus.close()


async def test_existing_streams_get_the_configured_replicas_and_nothing_takes_them_away(
    product: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    assert set((await replicas(product)).values()) == {SIZE}
    assert [(row.ok, row.detail[:16]) for row in await doctor(product)] == len(STREAMS) * [(True, "3 of 3 current, ")]
    # Another gateway, with the default number of replicas and another limit.
    await ensure_streams(product, NatsConfig(outcomes_max_bytes=1024**3))
    async with keeping(product, 1):
        await eventually(lambda: _logged(caplog, f"nats stream edit {STREAMS[-1]} --replicas 1"), "a warning")
    assert set((await replicas(product)).values()) == {SIZE}
    kept = (await product.nats.jetstream().stream_info(OUTCOMES)).config
    assert (kept.max_bytes, (kept.metadata or {})["owner"]) == (1024**3, "operations")
    stored = await product.get(OUTCOMES, (await product.info(OUTCOMES)).state.first_seq)
    assert stored is not None and stored.data == b"{}"


async def test_a_stream_with_too_few_replicas_raises_an_alert_that_names_the_server(
    product: Bus, replicated: NatsCluster
) -> None:
    watch = ReplicaWatch(product, SIZE)
    await watch.check()
    gone = next(server for server in await replicated.followers(OUTCOMES) if server is not replicated.servers[0])
    gone.kill()
    try:
        await eventually(lambda: _alerted(product, watch, gone), "an alert")
        await eventually(lambda: _shown(product, gone), "a row of doctor")
    finally:
        gone.start()
        await replicated.until_ready()


async def test_more_replicas_than_servers_are_reported_and_prevent_nothing(
    bus: Bus, empty_servers: None, caplog: pytest.LogCaptureFixture
) -> None:
    await ensure_streams(bus, NatsConfig(replicas=SIZE))
    async with keeping(bus, SIZE):
        await eventually(lambda: _logged(caplog, f"stream {STREAMS[-1]} has 1 of {SIZE} configured"), "a warning")
        probing = asyncio.create_task(WriteWatch(bus, "gateway", probe=True).run())
        await eventually(lambda: _probed(bus), "a probe of NATS")
        probing.cancel()
        await asyncio.wait([probing])
    await bus.append("outcomes.T", b"{}")
    assert bus.requests.writes.state() == "ok"


async def doctor(bus: Bus) -> list[Finding]:
    target = Target("", NatsConfig(replicas=SIZE), RedisConfig(), None, "")
    return await check_replication(Inspection(target, Store(target.redis), bus))


async def _probed(bus: Bus) -> bool:
    try:
        return (await bus.info(PROBE_STREAM)).state.messages > 0
    except StreamMissing:
        return False


async def _logged(caplog: pytest.LogCaptureFixture, text: str) -> bool:
    return text in caplog.text


async def _shown(bus: Bus, gone: NatsServer) -> bool:
    (row,) = [row for row in await doctor(bus) if row.subject == f"replicas {OUTCOMES}"]
    return not row.ok and f"; server-{gone.name[-1]} is " in row.detail


async def _alerted(bus: Bus, watch: ReplicaWatch, gone: NatsServer) -> bool:
    await watch.check()
    try:
        last = await bus.last(ALERTS, alert("replicas", "_all"))
    except BusUnavailable:  # no leader yet
        return False
    return last is not None and f"server-{gone.name[-1]} is " in last.data.decode()
