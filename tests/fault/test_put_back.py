"""Restored copies and recreated logs: the store recovers by itself; for another log the updater halts."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fault.cluster import TIERS, Cluster
from tests.fault.healing import healed
from tests.fault.invariants import check
from tests.fault.ledger import Ledger
from tests.fault.load import Load
from tests.fault.raw_log import Raw, read_stream
from tests.fault.run import Run, run_fault
from tests.fault.servers import copy_folder
from tests.fault.snapshot import Contents, stored
from tests.support.fault_table import Row
from tests.support.waiting import eventually

pytestmark = [pytest.mark.fault, pytest.mark.asyncio(loop_scope="session")]

LOAD_S = 1.5


async def test_a_store_put_back_from_an_older_copy_learns_the_rest_again(
    shared: tuple[Cluster, Ledger], rows: list[Row], tmp_path: Path
) -> None:
    cluster, ledger = shared

    async def put_back(run: Run) -> None:
        copy_folder(cluster.store.data, tmp_path / "copy")
        await asyncio.sleep(LOAD_S)
        await cluster.kill("store")
        copy_folder(tmp_path / "copy", cluster.store.data)
        await cluster.restart("store")

    await run_fault(cluster, ledger, "store put back from a copy", put_back, rows)


async def test_an_outcome_log_put_back_from_an_older_copy_halts_the_updater(
    own: tuple[Cluster, Ledger], rows: list[Row], tmp_path: Path
) -> None:
    cluster, ledger = own
    await _lose_the_end_of_the_log(cluster, ledger, tmp_path)
    await cluster.restart("nats")
    # So slowly that the log is still shorter than it was when a person accepts it.
    await _halts_and_heals(cluster, ledger, "outcome log put back", rows, rate=5.0)


async def test_an_outcome_log_put_back_and_grown_past_the_watermark_halts_the_updater(
    own: tuple[Cluster, Ledger], rows: list[Row], tmp_path: Path
) -> None:
    cluster, ledger = own
    end = await _lose_the_end_of_the_log(cluster, ledger, tmp_path)
    await cluster.kill("reward_updater")
    await cluster.restart("nats")
    async with Load(cluster, ledger, seed=3):

        async def past_what_was_lost() -> bool:
            return (await read_stream(cluster.nats.url, "OUTCOMES")).last_sequence > end + 20

        await eventually(past_what_was_lost, "the log has grown")
    await cluster.restart("reward_updater")
    await _halts_and_heals(cluster, ledger, "outcome log put back, and grown", rows)


async def test_a_recreated_outcome_log_halts_the_updater(own: tuple[Cluster, Ledger], rows: list[Row]) -> None:
    cluster, ledger = own
    async with Load(cluster, ledger, seed=1):
        await asyncio.sleep(LOAD_S)
    await healed(cluster)
    log = await read_stream(cluster.nats.url, "OUTCOMES")
    _retire(cluster, ledger, log.messages)
    folder = cluster.nats.stream_folder("OUTCOMES")
    await cluster.kill("nats")
    shutil.rmtree(folder)
    await cluster.restart("nats")
    await asyncio.to_thread(_operator, cluster, "logs", "restore", "--new", "OUTCOMES")
    await _halts_and_heals(cluster, ledger, "outcome log recreated", rows)


async def _lose_the_end_of_the_log(cluster: Cluster, ledger: Ledger, folder: Path) -> int:
    """Put an older copy of the outcome log in place, leave NATS stopped, and return where the log ended."""
    async with Load(cluster, ledger, seed=1):
        await asyncio.sleep(LOAD_S)
    await healed(cluster)
    place = cluster.nats.stream_folder("OUTCOMES")
    await cluster.kill("nats")
    copy_folder(place, folder / "copy")
    await cluster.restart("nats")
    kept = (await read_stream(cluster.nats.url, "OUTCOMES")).last_sequence
    await healed(cluster)
    async with Load(cluster, ledger, seed=2):
        await asyncio.sleep(LOAD_S)
    await healed(cluster)
    log = await read_stream(cluster.nats.url, "OUTCOMES")
    _retire(cluster, ledger, [message for message in log.messages if message.sequence > kept])
    await cluster.kill("nats")
    copy_folder(folder / "copy", place)
    return log.last_sequence


def _retire(cluster: Cluster, ledger: Ledger, lost: list[Raw]) -> None:
    """Note what was taken away: it is unknown whether these count."""
    ids = {json.loads(message.data)["decision_id"] for message in lost}
    cluster.lost_outcomes |= ids
    for id_ in ids:
        ledger.outcomes.pop(id_, None)


async def _halts_and_heals(cluster: Cluster, ledger: Ledger, name: str, rows: list[Row], *, rate: float = 40.0) -> None:
    """Check that nothing changes until an operator confirms, that this is reported, and that the tier then recovers."""
    before = {tier: await _learned(cluster, tier) for tier in TIERS}
    updater = cluster.services["reward_updater"]
    async with Load(cluster, ledger, seed=4, rate=rate):
        await cluster.wait_status("reward_updater", updater, 503)
        await asyncio.sleep(LOAD_S)
        await cluster.wait_status("reward_updater", updater, 503)
    assert {tier: await _learned(cluster, tier) for tier in TIERS} == before
    alerts = await read_stream(cluster.nats.url, "ALERTS")
    assert {message.subject for message in alerts.messages} >= {f"alerts.halted.{tier}" for tier in TIERS}
    row = Row(name, len(ledger.acknowledged_decisions()), len(ledger.acknowledged_outcomes()), 0, 0, None)
    rows.append(row)
    began = time.monotonic()
    await asyncio.to_thread(_rebuild, cluster)
    await healed(cluster)
    row.heal_s = time.monotonic() - began
    found = await check(cluster, ledger)
    row.lost, row.doubled = found.lost, found.doubled
    found.raise_problems()


async def _learned(cluster: Cluster, tier: str) -> Contents:
    return await stored(cluster.store.url, tier)


def _rebuild(cluster: Cluster) -> None:
    """Rebuild from a log that lacks outcomes that were learned from: refused at first, until that is accepted."""
    refused = _operator(cluster, "rebuild", "--yes", expected=3)
    assert "the log is not complete, nothing was changed" in refused
    _operator(cluster, "rebuild", "--yes", "--force")


def _operator(cluster: Cluster, *arguments: str, expected: int = 0) -> str:
    command = [str(Path(sys.executable).parent / "pointsman"), *arguments]
    done = subprocess.run(command, env=cluster.operator_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == expected, done.stdout + done.stderr
    return done.stdout + done.stderr
