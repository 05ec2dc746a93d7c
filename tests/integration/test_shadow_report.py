"""The shadow report over running services: the API, the page, the command, and the alerts that come by themselves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from pointsman.cli.main import main
from pointsman.contracts.config import Config
from pointsman.contracts.config.reporting import WEEKDAYS
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import decode
from pointsman.contracts.messages.notices import Alert, alert_decoder
from pointsman.runtime.bus import Bus
from pointsman.runtime.store import keys
from pointsman.runtime.store.store import Store
from pointsman_shadow_evaluator.tasks.regret_watch import RegretWatch
from pointsman_shadow_evaluator.tasks.report_schedule import ReportSchedule
from tests.support.fixtures import RELAXED_TIMEOUTS, StartService
from tests.support.loop_calls import read_all
from tests.support.processes import ServiceProcess
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

TIER = "REPORTED"
GOOD, BAD = "p:good", "p:bad/1.5:free"
QUALITY = {GOOD: 90.0, BAD: 40.0}
COST_USD = {GOOD: 0.002, BAD: 0.001}
CONTEXT = [1.0, 0.5, -0.5]
DECISIONS = 400

END = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=3)
"""Of a week that all decisions of this module are in, whenever it is run."""

CONFIG_TOML = f"""
[context]
dim = 3

[reward]
lambda_cost = 0.0
mu_latency = 0.0

[policy]
name = "even"
algorithm = "uniform"

[[tier]]
name = "{TIER}"
arms = ["{GOOD}", "{BAD}"]

[[tier]]
name = "IDLE"
arms = ["{GOOD}"]

[[shadow]]
name = "better"
algorithm = "static:{GOOD}"

[[shadow]]
name = "worse"
algorithm = "static:{BAD}"

[[shadow]]
name = "same"
algorithm = "uniform"

[report]
every = "week"
weekday = "{WEEKDAYS[END.weekday()]}"
hour = 0

[regret]
check_s = 1.0
"""


@pytest.fixture(scope="module")
def config_toml() -> str:
    return CONFIG_TOML


@pytest.fixture(scope="module")
def gateway(start_service: StartService) -> ServiceProcess:
    """A gateway whose tier has decisions and outcomes, all evaluated and joined."""
    started = start_service("gateway", wait_for="/healthz", **RELAXED_TIMEOUTS)
    for name in ("decision", "reward_updater", "shadow_evaluator"):
        start_service(name, **RELAXED_TIMEOUTS)
    asyncio.run(_route(started.url))
    return started


async def _route(url: str) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=20.0) as client:

        async def one(at: int) -> None:
            answer = await client.post("/v1/decisions", json={"tier": TIER, "context": CONTEXT})
            decision = answer.json()
            assert not decision["degraded"], decision
            arm = f"{decision['provider']}:{decision['model']}"
            if at % 4:  # three of four have an outcome
                body = {"quality": QUALITY[arm] + at % 7 - 3, "cost_usd": COST_USD[arm]}
                response = await client.post("/v1/outcomes", json={"decision_id": decision["decision_id"], **body})
                assert response.status_code == 202, response.text

        async def decides() -> bool:
            return (await client.get("/readyz")).status_code == 200

        await eventually(decides, "a replica decides")
        for start in range(0, DECISIONS, 20):
            await asyncio.gather(*(one(at) for at in range(start, start + 20)))

        async def joined() -> bool:
            policies = (await client.get("/v1/shadow/report", params={"tier": TIER})).json()["policies"]
            return all((p["decisions"], p["rewarded"]) == (DECISIONS, DECISIONS * 3 // 4) for p in policies)

        await eventually(joined, "every outcome is joined")


@pytest.fixture
def client(gateway: ServiceProcess) -> Any:
    with httpx.Client(base_url=gateway.url, timeout=20.0) as connected:
        yield connected


def report_of(client: httpx.Client, **query: str) -> dict[str, Any]:
    answer = client.get("/v1/shadow/report", params={"window": "24h", "tier": TIER, **query})
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def test_each_shadow_gets_the_verdict_it_deserves_with_intervals_that_hold_the_truth(client: httpx.Client) -> None:
    policies = {policy["policy"]: policy for policy in report_of(client)["policies"]}
    truth = (QUALITY[GOOD] - QUALITY[BAD]) / 2
    for name, wanted, expected in (("better", "promote", truth), ("worse", "do not promote", -truth)):
        policy = policies[name]
        assert (policy["verdict"], policy["active"]) == (wanted, "even"), policy["why"]
        for delta in (policy["reward_delta"], policy["quality_delta"]):
            assert delta["always_valid"]["low"] <= expected <= delta["always_valid"]["high"]
            assert delta["always_valid"]["low"] <= delta["low"] <= delta["estimate"] <= delta["high"]
        assert "over 300 decisions with an outcome" in policy["why"]
        assert policy["rewarded_share"] == 0.75
        assert policy["expected_agreement"] == 0.5
        assert policy["cost_delta_method"] == "dr"
        assert policy["cost_delta"]["low"] <= 0.0005 * (1 if name == "better" else -1) <= policy["cost_delta"]["high"]
        assert policy["effective_sample_size"] == pytest.approx(150, abs=50)
        assert sum(arm["rewarded"] for arm in policy["rewarded_bias"]["arms"]) == 300
        assert policy["drift"]["days"]
    assert policies["same"]["reward_delta"]["always_valid"] == {
        "low": 0.0,
        "high": 0.0,
        "method": "asymptotic-sequence",
    }
    assert policies["same"]["verdict"] == "do not promote"


def test_regret_names_the_best_arm_and_the_one_that_underperforms(client: httpx.Client) -> None:
    (regret,) = report_of(client)["regret"]
    assert (regret["tier"], regret["active"], regret["rule"]) == (TIER, "even", "confidence")
    assert regret["against_best_arm"]["best"] == GOOD
    assert regret["against_best_shadow"]["best"] == "better"
    delta = regret["against_best_arm"]["delta"]
    assert delta["always_valid"]["low"] <= 25.0 <= delta["always_valid"]["high"]
    assert [(arm["arm"], arm["underperforms"]) for arm in regret["arms"]] == [(GOOD, False), (BAD, True)]


def test_one_policy_can_be_asked_for(client: httpx.Client) -> None:
    shown = report_of(client, policy="better")
    assert [policy["policy"] for policy in shown["policies"]] == ["better"]
    assert shown["regret"] == []


def test_a_tier_without_decisions_has_a_report(client: httpx.Client) -> None:
    shown = report_of(client, tier="IDLE")
    assert {policy["verdict"] for policy in shown["policies"]} == {"cannot tell"}


def test_the_page_comes_with_a_policy_that_allows_nothing_else(client: httpx.Client) -> None:
    answer = client.get("/v1/shadow/report", params={"format": "html", "tier": TIER})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert answer.headers["x-content-type-options"] == "nosniff"
    for text in (TIER, "better", BAD, "promote", "Regret of the active policy", "<svg"):
        assert text in answer.text


def test_a_format_that_there_is_not_is_named(client: httpx.Client) -> None:
    answer = client.get("/v1/shadow/report", params={"format": "pdf"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "format")


def test_the_command_prints_the_same_and_writes_the_page(
    gateway: ServiceProcess, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    target = ["--url", gateway.url, "--tier", TIER]
    assert main(["compare", *target]) == 0
    shown = capsys.readouterr().out
    assert f"better, {TIER}: promote: reward +" in shown
    assert f"regret in {TIER}: +" in shown
    assert f"{BAD} underperforms: it would earn" in shown
    assert main(["compare", *target, "--html", str(tmp_path / "r.html")]) == 0
    assert "<svg" in (tmp_path / "r.html").read_text(encoding="utf-8")


async def alerts(bus: Bus, kind: str, tier: str = TIER) -> list[Alert]:
    return [decode(alert_decoder, data) for data in await read_all(bus, subjects.ALERTS, subjects.alert(kind, tier))]


async def test_the_service_alerts_once_about_an_arm_that_underperforms(
    gateway: ServiceProcess, bus: Bus, store: Store, config: Config
) -> None:
    async def alerted() -> bool:
        return bool(await alerts(bus, "regret"))

    await eventually(alerted, "the alert")
    (alert,) = await alerts(bus, "regret")
    assert (alert.service, alert.tier) == ("shadow-evaluator", TIER)
    assert alert.text.startswith(f"{BAD} underperforms: it would earn ")
    assert alert.detail is not None
    assert (alert.detail["arm"], alert.detail["change"], alert.detail["underperforming"]) == (BAD, "starts", [BAD])
    assert alert.detail["regret"]["against_best_arm"]["best"] == GOOD
    again = [RegretWatch(bus, store, TIER, config) for _ in range(2)]
    assert await asyncio.gather(*(watch.check() for watch in again)) == [[BAD], [BAD]]
    assert len(await alerts(bus, "regret")) == 1


@pytest_asyncio.fixture
async def forgotten(bus: Bus, store: Store, gateway: ServiceProcess) -> AsyncIterator[None]:
    """A tier that nothing was ever announced of: neither the stream nor the store knows."""
    await _forget_stream(bus)
    await store.redis.delete(keys.shadow_alerts(TIER))
    yield


async def _forget_stream(bus: Bus) -> None:
    await bus.nats.jetstream().purge_stream(subjects.ALERTS, subject=subjects.alert("report", TIER))


def schedule(bus: Bus, store: Store, config: Config) -> ReportSchedule:
    return ReportSchedule(bus, store, TIER, config)


async def test_a_period_is_reported_once_with_the_report_in_it(
    bus: Bus, store: Store, config: Config, forgotten: None
) -> None:
    at = END + timedelta(hours=1)
    first = schedule(bus, store, config)
    assert await first.check(at)
    assert not await first.check(at)
    assert not await schedule(bus, store, config).check(at)  # as after a restart
    (alert,) = await alerts(bus, "report")
    assert alert.detail is not None
    assert alert.detail["period"] == alert.detail["state"] == f"{END:%Y-%m-%d}T00:00Z"
    assert "better: promote (reward +" in alert.text
    shown = {policy["policy"]: policy for policy in alert.detail["policies"]}
    assert shown["better"]["decisions"] == DECISIONS
    assert shown["better"]["verdict"] == "promote"
    assert alert.detail["regret"][0]["against_best_arm"]["best"] == GOOD
    assert await schedule(bus, store, config).check(at + timedelta(days=7)) is False  # nothing was decided that week


async def test_of_two_evaluators_at_once_one_reports(bus: Bus, store: Store, config: Config, forgotten: None) -> None:
    at = END + timedelta(hours=1)
    both = [schedule(bus, store, config) for _ in range(2)]
    assert sorted(await asyncio.gather(*(one.check(at) for one in both))) == [False, True]
    assert len(await alerts(bus, "report")) == 1


async def test_a_crash_after_the_alert_does_not_repeat_it(
    bus: Bus, store: Store, config: Config, forgotten: None
) -> None:
    at = END + timedelta(hours=1)
    assert await schedule(bus, store, config).check(at)
    await store.redis.delete(keys.shadow_alerts(TIER))  # as if it had crashed before it wrote that
    assert not await schedule(bus, store, config).check(at)
    assert len(await alerts(bus, "report")) == 1


async def test_an_alert_that_has_left_the_stream_is_not_repeated(
    bus: Bus, store: Store, config: Config, forgotten: None
) -> None:
    at = END + timedelta(hours=1)
    assert await schedule(bus, store, config).check(at)
    await _forget_stream(bus)
    assert not await schedule(bus, store, config).check(at)
    assert await alerts(bus, "report") == []


async def test_a_period_is_not_reported_before_all_its_decisions_are_evaluated(
    bus: Bus, store: Store, config: Config, forgotten: None
) -> None:
    at = END + timedelta(hours=1)
    name = keys.shadow_progress(TIER)
    one = schedule(bus, store, config)
    before = await store.redis.hget(name, "watermark")
    assert before is not None
    await store.redis.hset(name, "watermark", "1")  # an evaluator that is far behind
    try:
        assert not await one.check(at)
    finally:
        await store.redis.hset(name, "watermark", before)
    assert await one.check(at)


async def test_an_arm_that_does_well_again_is_announced(
    gateway: ServiceProcess, bus: Bus, store: Store, config: Config
) -> None:
    forgiving = config.__class__(
        **{name: getattr(config, name) for name in config.__struct_fields__}
        | {"regret": config.regret.__class__(margin=100.0)}
    )
    before = await alerts(bus, "regret")
    watch = RegretWatch(bus, store, TIER, forgiving)
    watch.settle_s = 0.0
    assert await RegretWatch(bus, store, TIER, forgiving).check() == [BAD]  # not for long enough
    assert await watch.check() == []
    stopped = (await alerts(bus, "regret"))[len(before)]
    assert stopped.text == f"{BAD} no longer underperforms"
    assert stopped.detail is not None
    assert (stopped.detail["change"], stopped.detail["underperforming"]) == ("stops", [])


async def test_an_arm_of_which_a_switch_leaves_nothing_known_has_not_stopped(
    client: httpx.Client, bus: Bus, store: Store, config: Config
) -> None:
    watch = RegretWatch(bus, store, TIER, config)
    watch.settle_s = 0.0

    async def alerted_again() -> bool:
        return await watch.check() == [BAD]

    await eventually(alerted_again, "it underperforms")
    body = {"active": {"name": "even-more", "algorithm": "uniform"}}
    put = await asyncio.to_thread(client.put, f"/v1/policies/{TIER}", json=body)
    assert put.status_code == 200, put.text
    before = await alerts(bus, "regret")
    assert await watch.check() == [BAD]
    assert await alerts(bus, "regret") == before
