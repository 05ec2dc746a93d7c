"""A disk that is full and has room again: the stack heals itself, and nothing accepted is lost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import nats
import nats.errors
import pytest
from nats.aio.msg import Msg

from pointsman.cli.stack.logins import OBSERVER_FILE, operator_logins
from pointsman.cli.stack.stack import Stack
from pointsman.contracts.config import load_config
from tests.fault.cluster import CONFIG_TOML, DIM, TIERS
from tests.fault.http_client import Answer, HttpClient
from tests.fault.ledger import Ledger
from tests.fault.load import Load
from tests.fault.raw_log import read_stream
from tests.fault.servers import Nats, SizeLimit, SmallDisk
from tests.support.fault_table import Row
from tests.support.processes import free_port
from tests.support.repository import ROOT
from tests.support.waiting import eventually

pytestmark = [pytest.mark.fault, pytest.mark.asyncio(loop_scope="session")]

STAYS_FULL_S = 5.0
"""Time on the full disk after outcomes are refused: long enough for several restarts, if there were any."""
HEALS_WITHIN_S = 60.0
GOES_ON_S = 2.0


class Embedded:
    """A stack of which the gateway answers on ``gateway_port``."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.gateway_port = int(urlsplit(stack.gateway_url).port or 0)

    async def call(self, method: str, path: str, body: object = None) -> Answer:
        client = HttpClient(self.gateway_port)
        try:
            return await client.call(method, path, body)
        finally:
            client.close()

    async def policies_decide(self) -> bool:
        """Whether no tier's decision is degraded."""
        answers = [await self.call("POST", "/v1/decisions", {"tier": tier, "context": [1.0] * DIM}) for tier in TIERS]
        return all(answer.status == 200 and not answer.json()["degraded"] for answer in answers)

    async def ready(self) -> bool:
        return (await self.call("GET", "/readyz")).status == 200

    async def cannot_write(self) -> bool:
        readiness = await self.call("GET", "/readyz")
        return readiness.status == 503 and readiness.json()["checks"]["writes"] != "ok"

    async def warns(self, subject: str, kind: str) -> bool:
        warnings = (await self.call("GET", "/readyz")).json()["warnings"]
        return any(warning.startswith(subject) and warning.endswith(f": {kind}") for warning in warnings)

    async def all_is_learned(self) -> bool:
        system = (await self.call("GET", "/v1/system")).json()
        return not system["problems"] and all(tier["lag"] == 0 and not tier["halted"] for tier in system["tiers"])

    @contextlib.asynccontextmanager
    async def subscribed(self, subject: str) -> AsyncIterator[list[bytes]]:
        """Give a list to which the messages of a subject are added until NATS ends."""
        received: list[bytes] = []

        async def on_message(message: Msg) -> None:
            received.append(message.data)

        observer = (self.stack.data_dir / OBSERVER_FILE).read_text().strip()
        client = await nats.connect(observer, allow_reconnect=False)
        try:
            await client.subscribe(subject, cb=on_message)
            await client.flush()
            yield received
        finally:
            await client.close()

    async def logged(self, stream: str) -> list[dict[str, str]]:
        """Return the messages of a stream."""
        login, _ = operator_logins(self.stack.data_dir, self.stack.nats_url, self.stack.redis_url)
        url = f"nats://{login.user}:{login.password}@{urlsplit(login.url).netloc}"
        return [
            json.loads(message.data) | {"at": message.sequence} for message in (await read_stream(url, stream)).messages
        ]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[tuple[Path, SmallDisk | None]]:
    """A folder on a small file system; None where none can be mounted."""
    disk = SmallDisk(tmp_path / "disk", 64)
    mounted = disk.mount()
    yield disk.folder, disk if mounted else None
    if mounted:
        disk.unmount()


async def test_a_full_disk_that_has_room_again_needs_no_operator(
    folder: tuple[Path, SmallDisk | None], tmp_path: Path, rows: list[Row]
) -> None:
    file, events = tmp_path / "pointsman.toml", list[str]()
    file.write_text(CONFIG_TOML)
    async with Stack(
        load_config(file), data_dir=folder[0] / "data", config_file=file, port=0, on_event=events.append
    ) as stack:
        embedded, ledger = Embedded(stack), Ledger()
        disk = folder[1] or SizeLimit(lambda: [process.pid for process in stack.describe().processes()])
        row = Row("embedded stack: disk full", 0, 0, 0, 0, None)
        rows.append(row)
        if folder[1] is not None:  # the disk is smaller than what must be free
            await eventually(lambda: embedded.warns("disk of", "disk-low"), "a low disk is reported")
        async with embedded.subscribed("alerts.unwritable.*") as alerts:
            disk.fill()  # without any load: the probe notices it
            try:
                await eventually(embedded.cannot_write, "the gateway reports that NATS cannot write")
                await eventually(lambda: _has(alerts), "an alert on core NATS: the stream cannot store it")
            finally:
                disk.free()
        await eventually(embedded.ready, "the gateway is ready", HEALS_WITHIN_S)
        async with Load(embedded, ledger, seed=11):
            await eventually(lambda: _at_least(ledger, 200, 50), "outcomes are accepted")
            disk.fill()
            try:
                await eventually(lambda: _at_least(ledger, 503, 10), "outcomes are refused")
                assert not await embedded.policies_decide()
                running = stack.describe().nats
                await asyncio.sleep(STAYS_FULL_S)
                assert stack.describe().nats == running, "NATS is restarted while the disk is full"
            finally:
                disk.free()
            freed_at_s = time.monotonic()
            await eventually(embedded.policies_decide, "policies decide", HEALS_WITHIN_S)
            row.heal_s = time.monotonic() - freed_at_s
            await asyncio.sleep(GOES_ON_S)
        await eventually(embedded.all_is_learned, "every outcome is learned from")
        await eventually(embedded.ready, "the gateway is ready")
        decisions, outcomes = await embedded.logged("DECISIONS"), await embedded.logged("OUTCOMES")

    made = {id_.rpartition(".")[0] for id_ in ledger.acknowledged_decisions()}
    accepted = {id_ for id_ in ledger.acknowledged_outcomes() if not id_.startswith("fallback.")}  # others do not count
    logged = Counter(f"{decision['tier']}.{decision['at']}" for decision in decisions)
    counted = Counter(outcome["decision_id"] for outcome in outcomes)
    row.decisions, row.outcomes = len(made), len(accepted)
    row.lost = len(made - logged.keys()) + len(accepted - counted.keys())
    row.doubled = sum(count > 1 for count in [*logged.values(), *counted.values()])
    assert (row.lost, row.doubled, ledger.wrong, ledger.unanswered) == (0, 0, [], [])
    assert [event for event in events if event.startswith("nats cannot write (")]
    assert [event for event in events if event.startswith("nats is restarted: ")]


async def _has(messages: list[bytes]) -> bool:
    return bool(messages)


async def _at_least(ledger: Ledger, status: int, count: int) -> bool:
    found = sum(n for (route, got), n in ledger.statuses.items() if route == "outcomes" and got // 100 == status // 100)
    return found >= count


async def test_the_health_check_of_the_container_restarts_nats_once_there_is_room(
    folder: tuple[Path, SmallDisk | None], tmp_path: Path
) -> None:
    (tmp_path / "nats").mkdir()
    server = Nats(tmp_path / "nats", folder[0] / "jetstream", monitor=free_port())
    await asyncio.to_thread(server.start)
    disk = folder[1] or SizeLimit(lambda: [server.pid])
    environment = {
        **os.environ,
        "NATS_MONITOR": f"http://127.0.0.1:{server.monitor}",
        "NATS_DATA": str(folder[0]),
        "NATS_PID": str(server.pid),
        "NATS_WAS_HEALTHY": str(tmp_path / "was-healthy"),
    }

    async def check() -> int:
        process = await asyncio.create_subprocess_exec("sh", str(ROOT / "deploy/nats/healthcheck.sh"), env=environment)
        return await process.wait()

    client = await nats.connect(server.url, allow_reconnect=False)
    streams = client.jetstream(timeout=2.0)
    await streams.add_stream(name="S", subjects=["s"])
    assert await check() == 0
    disk.fill()
    try:
        with pytest.raises(nats.errors.TimeoutError):
            for _ in range(100):
                await streams.publish("s", bytes(4096))
        assert await check() == 1
        assert server.running  # there is no room yet
    finally:
        disk.free()
    assert await check() == 1
    await eventually(lambda: _ended(server), "NATS is ended, for Docker to start it again")
    await client.close()
    await asyncio.to_thread(server.stop)


async def _ended(server: Nats) -> bool:
    return not server.running
