"""Damaged files of a real nats-server: a stream that existed is never created again, and its messages come back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx
import pytest

from pointsman.cli.main import main
from pointsman.contracts.config import Config
from pointsman.contracts.config.connections import NatsConfig
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.outcome import Outcome
from pointsman.learning.tier_store import TierStore
from pointsman.runtime.bus import Bus, StreamsLost, ensure_streams
from pointsman.runtime.bus.replication import STREAMS
from pointsman.runtime.store.store import Store
from tests.support.fixtures import StartService
from tests.support.loop_calls import applied_through, report, stored_bytes
from tests.support.processes import NatsServer, ServiceProcess
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

TIER = "LOST"
OUTCOMES = 40


@pytest.fixture(scope="module")
def config_toml() -> str:
    return f'[context]\ndim = 2\n[[tier]]\nname = "{TIER}"\narms = ["p:a"]\n[reward_updater]\nlease_ms = 900\n'


@pytest.fixture
def addresses(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


def _outcome(decision: int) -> Outcome:
    return Outcome(
        decision_id=f"{TIER}.{decision}.0123456789abcdef",
        tier=TIER,
        provider="p",
        model="a",
        decision_sequence=decision,
        context=[1.0, decision / 10.0],
        accepted_at_ms=1,
        quality=50.0,
    )


def _files(server: NatsServer, stream: str) -> Path:
    (found,) = server.log.parent.glob(f"jetstream/**/streams/{stream}")
    return found


def _truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:10])


def _delete(file: Path) -> None:
    file.unlink()


def _flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(data)


async def _command(*arguments: str) -> int:
    return await asyncio.to_thread(main, list(arguments))


DAMAGES = [("meta.inf", _truncate), ("meta.inf", _flip), ("meta.inf", _delete)] + [
    ("meta.sum", damage) for damage in (_truncate, _flip, _delete)
]


async def test_every_stream_whose_description_is_damaged_is_refused_and_restored_whole(
    nats_server: NatsServer,
    bus: Bus,
    empty_servers: None,
    addresses: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await ensure_streams(bus, NatsConfig())
    for stream, pattern in subjects.STREAM_SUBJECTS.items():
        await bus.append(pattern.replace("*", "T"), stream.encode())
    await bus.append(f"{subjects.POLICIES_SUBJECTS}.T", b"{}")
    before = {name: (await bus.info(name)).state for name in STREAMS}
    cases = [(name, *DAMAGES[0]) for name in STREAMS] + [("OUTCOMES", *damage) for damage in DAMAGES[1:]]
    for name, file, damage in cases:
        folder = _files(nats_server, name)
        await _restart(nats_server, bus, partial(damage, folder / file))
        with pytest.raises(StreamsLost, match=name):
            await ensure_streams(bus, NatsConfig())
        assert await _command("logs") == 1
        assert f"{name:<12} does not exist" in capsys.readouterr().out
        assert await _command("logs", "restore") == 0
        assert f"{name}: restored {before[name].messages} messages" in capsys.readouterr().out
        await ensure_streams(bus, NatsConfig())
        after = (await bus.info(name)).state
        assert (after.messages, after.first_seq, after.last_seq) == (
            before[name].messages,
            before[name].first_seq,
            before[name].last_seq,
        )
    assert await _command("logs") == 0


async def _restart(server: NatsServer, bus: Bus, damage: Callable[[], None]) -> None:
    """Stop NATS, damage its files, start it and wait until the connection is there again."""
    before = bus.reconnects
    await asyncio.to_thread(server.stop)
    damage()
    await asyncio.to_thread(server.start)

    async def connected() -> bool:
        return bus.reconnects > before and bus.connected

    await eventually(connected, "connected again")


async def test_outcomes_are_refused_while_their_log_is_lost_and_everything_counts_after_it_is_restored(
    nats_server: NatsServer,
    bus: Bus,
    store: Store,
    config: Config,
    start_service: StartService,
    addresses: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    gateway = start_service("gateway", wait_for="/healthz")
    updater = start_service("reward_updater")
    for decision in range(1, OUTCOMES + 1):
        last = await report(bus, _outcome(decision))
    await applied_through(store, TIER, last)
    learned = await stored_bytes(store, TIER)
    folder = _files(nats_server, "OUTCOMES")
    await _restart(nats_server, bus, partial(_truncate, folder / "meta.inf"))

    await eventually(lambda: _refuses(gateway), "outcomes are refused")
    async with httpx.AsyncClient(base_url=gateway.url) as client:
        answer = await client.post("/v1/outcomes", json={"decision_id": f"fallback.{TIER}.{'0' * 16}", "quality": 1})
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        ready = await client.get("/readyz")
        assert ready.status_code == 503
        assert "pointsman logs restore" in ready.json()["checks"]["streams"]
    alert = await bus.last("ALERTS", subjects.alert("log-lost", "_all"))
    assert alert is not None
    assert json.loads(alert.data)["detail"]["streams"].keys() == {"OUTCOMES"}
    assert await _command("rebuild", "--yes", "--tier", TIER) == 3
    assert "OUTCOMES does not exist" in capsys.readouterr().err
    assert await stored_bytes(store, TIER) == learned

    assert await _command("logs", "restore") == 0
    assert "OUTCOMES: restored" in capsys.readouterr().out
    await eventually(lambda: _is_ready(gateway), "the gateway accepts outcomes again")
    assert await _command("rebuild", "--yes", "--tier", TIER) == 0
    assert await _command("audit", "--tier", TIER) == 0
    last = await report(bus, _outcome(OUTCOMES + 1))
    await applied_through(store, TIER, last)
    assert sum(arm.n for arm in (await TierStore(store, TIER).changes()).arms.values()) == OUTCOMES + 1
    updater.stop()


async def _refuses(gateway: ServiceProcess) -> bool:
    async with httpx.AsyncClient(base_url=gateway.url) as client:
        body = {"decision_id": f"fallback.{TIER}.{'0' * 16}", "quality": 1}
        answer = await client.post("/v1/outcomes", json=body)
        return answer.status_code == 503 and "OUTCOMES" in answer.json()["detail"]


async def _is_ready(gateway: ServiceProcess) -> bool:
    async with httpx.AsyncClient(base_url=gateway.url) as client:
        ready = await client.get("/readyz")
        return str(ready.json()["checks"]["streams"]) == "ok"


async def test_lost_data_of_nats_halts_until_a_new_log_is_begun(
    bus: Bus,
    store: Store,
    start_service: StartService,
    addresses: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The store remembers the logs: an empty NATS is not a new installation."""
    assert sum(arm.n for arm in (await TierStore(store, TIER).changes()).arms.values()) > 0
    for name in STREAMS:
        await bus.nats.jetstream().delete_stream(name)
    gateway = start_service("gateway-2", wait_for="/healthz")
    await eventually(lambda: _refuses(gateway), "outcomes are refused")
    assert await _command("logs", "restore") == 1
    assert "OUTCOMES: NATS has no files of it" in capsys.readouterr().out
    # Every other stream was created, so that the alert has a place.
    assert (await bus.last("ALERTS", subjects.alert("log-lost", "_all"))) is not None

    assert await _command("logs", "restore", "--new", "OUTCOMES", "--new", "DECISIONS") == 0
    assert "OUTCOMES: begun, empty" in capsys.readouterr().out
    await eventually(lambda: _is_ready(gateway), "the gateway accepts outcomes again")


async def test_a_lost_store_with_its_logs_is_no_new_installation_and_needs_no_command(bus: Bus) -> None:
    created = {name: (await bus.info(name)).created for name in STREAMS}
    await ensure_streams(bus, NatsConfig())
    assert {name: (await bus.info(name)).created for name in STREAMS} == created
