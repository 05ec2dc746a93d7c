"""Damaged message files of a real nats-server: lost outcomes are found, named and reported, and nothing is rebuilt."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from pointsman.cli.main import main
from pointsman.contracts.config import Config
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.outcome import Outcome
from pointsman.runtime.bus import Bus
from pointsman.runtime.store.store import Store
from pointsman.runtime.telemetry import metrics
from pointsman_reward_updater.log_damage import LogDamageWatch
from tests.support.fixtures import StartService
from tests.support.loop_calls import applied_through, prepare, stored_bytes
from tests.support.processes import NatsServer
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

TIER = "DAMAGED"
OUTCOMES = 40
PADDING = b',"padding":"' + b"x" * 300_000 + b'"}'
"""So long that the log has two blocks of 8 MB. Readers ignore unknown fields."""


@pytest.fixture(scope="module")
def config_toml() -> str:
    return f'[context]\ndim = 2\n[[tier]]\nname = "{TIER}"\narms = ["p:a"]\n[reward_updater]\nlease_ms = 900\n'


def _outcome(decision: int) -> Outcome:
    return Outcome(
        decision_id=f"{TIER}.{decision}.0123456789abcdef",
        tier=TIER,
        provider="p",
        model="a",
        decision_sequence=decision,
        context=[1.0, decision / 100.0],
        accepted_at_ms=1,
        quality=50.0,
    )


def _block(folder: Path) -> Path:
    """Return the first of the two files with messages: after the last message of the second, nothing is missing."""
    first, _ = sorted(folder.glob("msgs/*.blk"), key=lambda block: int(block.stem))
    return first


def _flip(folder: Path, *, at: float, index: bool = True) -> None:
    """Change one byte in the middle of a message, at a share of the block; perhaps without the index."""
    data = _block(folder).read_bytes()
    place = data.index(b'"quality"', int(len(data) * at))
    _block(folder).write_bytes(data[:place] + b"x" + data[place + 1 :])
    if not index:
        (folder / "msgs" / "index.db").unlink()


def _truncate(folder: Path) -> None:
    data = _block(folder).read_bytes()
    _block(folder).write_bytes(data[: len(data) // 2])


CASES: dict[str, Callable[[Path], None]] = {
    "a byte near the beginning": partial(_flip, at=0.1),
    "a byte in the middle": partial(_flip, at=0.5),
    "a byte near the end": partial(_flip, at=0.9),
    "a byte in the middle, and no index: NATS drops the rest of the block": partial(_flip, at=0.5, index=False),
    "half of the block": _truncate,
}


async def test_damage_of_the_outcome_log_is_found_reported_and_not_rebuilt_from(
    nats_server: NatsServer,
    bus: Bus,
    store: Store,
    config: Config,
    start_service: StartService,
    environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    await asyncio.to_thread(prepare, nats_server.url, config)
    updater = start_service("reward_updater")
    for decision in range(1, OUTCOMES + 1):
        data = encode(_outcome(decision))[:-1] + PADDING
        last = (await bus.append(subjects.outcomes(TIER), data)).sequence
    await applied_through(store, TIER, last)
    first, learned = last - OUTCOMES + 1, await stored_bytes(store, TIER)
    (folder,) = nats_server.log.parent.glob("jetstream/**/streams/OUTCOMES")
    missing = metrics.log_missing.labels("OUTCOMES")

    await asyncio.to_thread(nats_server.stop)
    shutil.copytree(folder, tmp_path / "whole")
    await _start(nats_server, bus)
    watch = LogDamageWatch(bus, read_per_s=100_000)
    await watch.read()
    assert missing._value.get() == 0
    assert list(watch.problems()) == []

    for name, damage in CASES.items():
        await asyncio.to_thread(nats_server.stop)
        shutil.rmtree(folder)
        shutil.copytree(tmp_path / "whole", folder)
        damage(folder)
        await _start(nats_server, bus)
        watch = LogDamageWatch(bus, read_per_s=100_000)
        await watch.read()
        assert missing._value.get() > 0, name
        (problem,) = watch.problems()
        assert "OUTCOMES has lost" in problem.text
        # The watch of the updater raises the alert too, perhaps without the gap, which it has not read yet.
        alert = await bus.last("ALERTS", subjects.alert("log-damaged", "_all"))
        assert alert is not None
        assert json.loads(alert.data)["detail"]["stream"] == "OUTCOMES"
        ((gap_first, gap_last),) = watch.gaps
        assert f"{gap_first} to {gap_last}" in problem.text
        assert first <= gap_first <= gap_last <= last
        assert gap_last - gap_first + 1 == missing._value.get()
        assert await bus.get("OUTCOMES", gap_first) is None, name  # it is really lost

        assert await asyncio.to_thread(main, ["rebuild", "--yes", "--tier", TIER]) == 3, name
        assert "of which the log has" in capsys.readouterr().err
        assert await stored_bytes(store, TIER) == learned, name
    updater.stop()


async def _start(server: NatsServer, bus: Bus) -> None:
    before = bus.reconnects
    await asyncio.to_thread(server.start)

    async def connected() -> bool:
        return bus.reconnects > before and bus.connected

    await eventually(connected, "connected again")
