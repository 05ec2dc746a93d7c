"""An outcome log that is not the one that was learned from: the reward-updater halts the tier and changes nothing."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from pointsman.contracts.config import Config
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.notices import Alert, alert_decoder
from pointsman.contracts.messages.outcome import Outcome
from pointsman.learning.tier_store import TierStore
from pointsman.runtime.bus import Bus, StreamsLost, ensure_streams
from pointsman.runtime.bus.recovery import begin_stream
from pointsman.runtime.store.store import Store
from tests.support.fixtures import StartService
from tests.support.loop_calls import applied_through, prepare, report, stored_bytes
from tests.support.processes import ServiceProcess
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

TIER = "REPLACED"


@pytest.fixture(scope="module")
def config_toml() -> str:
    return f'[context]\ndim = 2\n[[tier]]\nname = "{TIER}"\narms = ["p:a"]\n[reward_updater]\nlease_ms = 900\n'


@pytest.fixture
def updater(start_service: StartService, config: Config, nats_url: str) -> Iterator[ServiceProcess]:
    prepare(nats_url, config)
    started = start_service("reward_updater")
    yield started
    started.stop()


def _outcome(decision: int) -> Outcome:
    return Outcome(
        decision_id=f"{TIER}.{decision}.0123456789abcdef",
        tier=TIER,
        provider="p",
        model="a",
        decision_sequence=decision,
        context=[1.0, 0.5],
        accepted_at_ms=1,
        quality=70.0,
    )


async def _alert(bus: Bus) -> Alert | None:
    stored = await bus.last("ALERTS", subjects.alert("halted", TIER))
    return alert_decoder.decode(stored.data) if stored else None


def _state(updater: ServiceProcess) -> str:
    """Return the readiness of the tier."""
    try:
        with urllib.request.urlopen(f"{updater.url}/readyz", timeout=10.0) as response:
            body = response.read()
    except urllib.error.HTTPError as error:
        with error:
            body = error.read()
    return str(json.loads(body)["checks"].get(f"tier {TIER}"))


async def test_recreated_log_halts_the_tier_and_is_not_applied(
    bus: Bus, store: Store, config: Config, updater: ServiceProcess, start_service: StartService
) -> None:
    for decision in (1, 2):
        last = await report(bus, _outcome(decision))
    await applied_through(store, TIER, last)
    before, epoch = await stored_bytes(store, TIER), (await TierStore(store, TIER).changes()).epoch
    await bus.nats.jetstream().delete_stream(subjects.OUTCOMES)

    async def alerted() -> bool:
        return await _alert(bus) is not None

    await eventually(alerted, "an alert that the log is gone")
    with pytest.raises(StreamsLost, match="OUTCOMES"):
        await ensure_streams(bus, config.nats)
    await begin_stream(bus, config.nats, subjects.OUTCOMES)
    assert (await bus.info(subjects.OUTCOMES)).created != epoch
    for decision in (3, 4):
        await report(bus, _outcome(decision))
    updater.stop()
    second = start_service("reward_updater-2", wait_for="/healthz")  # one that has seen nothing but the new log

    async def halted() -> bool:
        return await asyncio.to_thread(_state, second) == "halted"

    await eventually(halted, "the new updater halts")
    found = await _alert(bus)
    assert found is not None
    assert f"the store was learned from the log created {epoch}" in found.text
    assert (found.kind, found.tier, found.service) == ("halted", TIER, "reward-updater")
    assert await stored_bytes(store, TIER) == before
    changes = await TierStore(store, TIER).changes()
    assert (changes.epoch, changes.watermark) == (epoch, last)
    assert await TierStore(store, TIER).outcome_of(3) is None
