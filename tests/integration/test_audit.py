"""``pointsman audit`` and ``pointsman rebuild``: what differs is named, and made right, while everything runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from pointsman.cli.main import main
from pointsman.contracts.config import Config
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.outcome import Outcome
from pointsman.learning.audit import audit_tier
from pointsman.learning.tier_store import TierStore
from pointsman.runtime.bus import Bus
from pointsman.runtime.store.store import Store
from tests.support.fixtures import StartService
from tests.support.loop_calls import applied_through, prepare, report, stored_bytes
from tests.support.processes import ServiceProcess

pytestmark = pytest.mark.integration

TIER = "AUDITED"
GPT, LLAMA = "openai:gpt-5", "ollama:llama3.2"


@pytest.fixture(scope="module")
def config_toml() -> str:
    return f'[context]\ndim = 2\n[[tier]]\nname = "{TIER}"\narms = ["{GPT}", "{LLAMA}"]\n'


@pytest.fixture
def updater(start_service: StartService, config: Config, nats_url: str) -> Iterator[ServiceProcess]:
    prepare(nats_url, config)
    started = start_service("reward_updater")
    yield started
    started.stop()


@pytest.fixture
def addresses(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


def _outcome(decision: int) -> Outcome:
    provider, _, model = (GPT, LLAMA)[decision % 2].partition(":")
    return Outcome(
        decision_id=f"{TIER}.{decision}.0123456789abcdef",
        tier=TIER,
        provider=provider,
        model=model,
        decision_sequence=decision,
        context=[1.0, decision / 10.0],
        accepted_at_ms=1,
        quality=50.0 + decision,
        cost_usd=decision / 1000.0,
    )


async def _command(*arguments: str) -> int:
    return await asyncio.to_thread(main, list(arguments))


async def test_what_differs_is_named_and_a_rebuild_makes_it_right(
    bus: Bus, store: Store, updater: ServiceProcess, addresses: None, capsys: pytest.CaptureFixture[str]
) -> None:
    for decision in range(1, 21):
        last = await report(bus, _outcome(decision))
    await applied_through(store, TIER, last)
    right = await stored_bytes(store, TIER)
    assert await _command("audit", "--tier", TIER) == 0
    assert f"{TIER}: identical up to {last}: 20 outcomes" in capsys.readouterr().out

    damage = {
        f"arm {GPT}: b differs": store.redis.hset(f"arm:{{{TIER}}}:{GPT}", "b", bytes(16)),
        f"arm {LLAMA}: n differs: 11 stored, 10 by the log": store.redis.hset(f"arm:{{{TIER}}}:{LLAMA}", "n", "11"),
        f"arm {LLAMA}: in the log, not in the store": store.redis.hdel(f"tier:{{{TIER}}}", f"arm:{LLAMA}"),
        "applied bits of decisions 0 to 65535 differ": store.redis.setbit(f"applied:{{{TIER}}}:0", 99, 1),
        "applied bits of decisions 458752 to 524287 differ": store.redis.setbit(f"applied:{{{TIER}}}:7", 1, 1),
    }
    for difference, harm in damage.items():
        await harm
        assert (await audit_tier(bus, store, TIER)).difference == difference
        assert await _command("audit", "--tier", TIER) == 1
        assert f"{TIER}: DIFFERS: {difference}" in capsys.readouterr().out

        assert await _command("rebuild", "--tier", TIER, "--yes") == 0
        assert f"{TIER}: rebuilt up to {last}" in capsys.readouterr().out
        assert await stored_bytes(store, TIER) == right
        assert (await audit_tier(bus, store, TIER)).difference == ""


async def test_a_rebuild_asks_before_it_empties_anything(
    bus: Bus, store: Store, updater: ServiceProcess, addresses: None, capsys: pytest.CaptureFixture[str]
) -> None:
    await applied_through(store, TIER, await report(bus, _outcome(31)))
    before = await stored_bytes(store, TIER)
    assert await _command("rebuild", "--tier", TIER) == 2
    assert "confirm with --yes" in capsys.readouterr().err
    assert await stored_bytes(store, TIER) == before


@pytest.mark.parametrize("command", [("audit",), ("rebuild", "--yes")], ids=["audit", "rebuild"])
async def test_an_unknown_tier_is_an_error_that_names_the_existing_ones(
    command: tuple[str, ...],
    bus: Bus,
    store: Store,
    updater: ServiceProcess,
    addresses: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await applied_through(store, TIER, await report(bus, _outcome(41)))
    before = await stored_bytes(store, TIER)
    assert await _command(*command, "--tier", "AUDITTED") == 2
    shown = capsys.readouterr()
    assert "'AUDITTED'" in shown.err and TIER in shown.err
    assert shown.out == ""
    assert await stored_bytes(store, TIER) == before


async def test_a_rebuild_from_a_log_without_its_beginning_is_refused_and_changes_nothing(
    bus: Bus, store: Store, updater: ServiceProcess, addresses: None, capsys: pytest.CaptureFixture[str]
) -> None:
    for decision in range(23, 43):
        last = await report(bus, _outcome(decision))
    await applied_through(store, TIER, last)
    before = await stored_bytes(store, TIER)
    learned = sum(arm.n for arm in (await TierStore(store, TIER).changes()).arms.values())
    await bus.nats.jetstream().purge_stream(subjects.OUTCOMES, seq=last - 4)

    assert await _command("rebuild", "--tier", TIER, "--yes") == 3
    refused = capsys.readouterr().err
    assert "nothing was changed" in refused
    assert f"{TIER}: {learned} outcomes were learned from; a rebuild would leave 5" in refused
    assert f"arm {GPT} was learned from" in refused
    assert f"the log has 5 messages, from {last - 4} to {last}" in refused
    assert await stored_bytes(store, TIER) == before

    assert await _command("rebuild", "--tier", TIER, "--yes", "--force") == 0
    assert await _command("audit", "--tier", TIER) == 0
    assert await stored_bytes(store, TIER) != before


async def test_a_rebuild_without_a_reward_updater_is_refused_and_changes_nothing(
    bus: Bus, store: Store, config: Config, nats_url: str, addresses: None, capsys: pytest.CaptureFixture[str]
) -> None:
    before = await stored_bytes(store, TIER)
    assert await _command("rebuild", "--tier", TIER, "--yes") == 3
    assert "no reward-updater runs" in capsys.readouterr().err
    assert await stored_bytes(store, TIER) == before
