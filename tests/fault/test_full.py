"""Disks and memories that are full: refused is refused, and what was accepted stays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import nats
import pytest
import pytest_asyncio

from tests.fault.cluster import Cluster
from tests.fault.ledger import Ledger
from tests.fault.run import Fault, Run, run_fault
from tests.fault.servers import SizeLimit, SmallDisk, store_client
from tests.support.fault_table import Row
from tests.support.waiting import eventually

Disk = SmallDisk | SizeLimit

pytestmark = [pytest.mark.fault, pytest.mark.asyncio(loop_scope="session")]


async def log_full(run: Run) -> None:
    """Leave the outcome log no room: outcomes are refused with 503, and accepted when it has some again."""
    client = await nats.connect(run.cluster.nats.url)
    streams = client.jetstream()
    info = await streams.stream_info("OUTCOMES")
    room = info.config.max_bytes
    info.config.max_bytes = info.state.bytes + 1
    await streams.update_stream(info.config)
    await _refused(run)
    info.config.max_bytes = room
    await streams.update_stream(info.config)
    await client.close()


async def store_full(run: Run) -> None:
    """Let the store refuse everything that takes memory."""
    client = store_client(run.cluster.store.url)
    with run.blind():
        await client.config_set("maxmemory", "1mb")
        await asyncio.sleep(run.hold_s)
        await client.config_set("maxmemory", "0")
    await client.aclose()


async def _refused(run: Run) -> None:
    """Wait until outcomes are refused."""
    before = run.ledger.statuses["outcomes", 503]

    async def ten_more() -> bool:
        return run.ledger.statuses["outcomes", 503] >= before + 10

    await eventually(ten_more, "outcomes are refused")


FULL: dict[str, Fault] = {"outcome log full": log_full, "store out of memory": store_full}


@pytest.mark.parametrize("fault", FULL)
async def test_what_is_full_refuses_and_goes_on_when_it_has_room(
    fault: str, shared: tuple[Cluster, Ledger], rows: list[Row]
) -> None:
    cluster, ledger = shared
    await run_fault(cluster, ledger, fault, FULL[fault], rows)


@pytest_asyncio.fixture(loop_scope="session")
async def on_small_disks(tmp_path: Path) -> AsyncIterator[tuple[Cluster, Ledger, Disk, SmallDisk | None]]:
    """A cluster whose servers each have a disk of their own.

    Where none can be mounted, NATS has a limit of file size, and the store, which such a limit ends, has no disk.
    """
    folders = tmp_path / "nats-disk", tmp_path / "store-disk"
    disks = [SmallDisk(folder, 48) for folder in folders]
    mounted = [disk for disk in disks if disk.mount()]
    cluster = Cluster(tmp_path, nats_data=folders[0] / "data", store_data=folders[1] / "data")
    await cluster.start()
    if len(mounted) == len(disks):
        yield cluster, Ledger(), disks[0], disks[1]
    else:
        yield cluster, Ledger(), SizeLimit(lambda: [cluster.nats.pid]), None
    await cluster.stop()
    for disk in mounted:
        disk.unmount()


async def test_a_full_disk_loses_nothing_that_was_accepted(
    on_small_disks: tuple[Cluster, Ledger, Disk, SmallDisk | None], rows: list[Row]
) -> None:
    cluster, ledger, nats_disk, store_disk = on_small_disks

    async def nats_disk_full(run: Run) -> None:
        nats_disk.fill()
        await _refused(run)
        nats_disk.free()
        # NATS keeps the error of a failed write until it is started again.
        await run.cluster.kill("nats")
        await run.cluster.restart("nats")

    async def store_disk_full(run: Run) -> None:
        assert store_disk is not None
        store_disk.fill()
        await asyncio.sleep(run.hold_s)
        store_disk.free()

    await run_fault(cluster, ledger, "disk of NATS full", nats_disk_full, rows)
    if store_disk is None:
        pytest.skip("no file system can be mounted here: the disk of NATS was filled, that of the store was not")
    await run_fault(cluster, ledger, "disk of the store full", store_disk_full, rows)
