"""Each user can do its own work, and none can do another's: the real services under the real rules."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import nats
import nats.errors
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from pointsman.contracts.access.nats_permissions import NATS_ROLES
from pointsman.contracts.access.roles import Role
from pointsman.contracts.config import load_config
from pointsman.contracts.config.connections import NatsConfig, RedisConfig
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.feedback import PendingOutcome
from pointsman.contracts.messages.outcome import Outcome
from pointsman.learning.reset import reset_tier
from pointsman.learning.tier_store import TierStore
from pointsman.runtime.bus import Bus, BusUnavailable, LogReader, NotPermitted
from pointsman.runtime.store.errors import StoreUnavailable
from pointsman.runtime.store.store import Store
from pointsman_shadow_evaluator.tasks.regret_watch import RegretWatch
from pointsman_shadow_evaluator.tasks.report_schedule import ReportSchedule
from tests.support.fixtures import RELAXED_TIMEOUTS, StartService, service_environment
from tests.support.gateway_calls import decide, report
from tests.support.guarded_servers import GuardedServers
from tests.support.processes import ServiceProcess, http_status
from tests.support.waiting import eventually, wait_until

pytestmark = pytest.mark.integration

SERVICE_ROLES: dict[str, Role] = {
    "decision": "decision",
    "reward_updater": "reward-updater",
    "shadow_evaluator": "shadow-evaluator",
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, config_toml: str, guarded: GuardedServers) -> dict[str, str]:
    """What configures the services, but for who they are."""
    return service_environment(tmp_path_factory, config_toml, guarded.nats.url, guarded.store.url)


# Both here too: the ones of the folder would keep these servers' addresses for the modules after this one.


@pytest.fixture(scope="session")
def nats_url(guarded: GuardedServers) -> str:
    return guarded.nats.url


@pytest.fixture(scope="session")
def store_url(guarded: GuardedServers) -> str:
    return guarded.store.url


@pytest.fixture(scope="module")
def empty_servers(guarded: GuardedServers) -> None:
    """They are this module's own."""


@pytest.fixture(scope="module")
def services(start_service: StartService, guarded: GuardedServers) -> dict[str, ServiceProcess]:
    """All four services, each as itself, started so that the others have to wait for the gateway's streams."""
    others = {
        name: start_service(name, wait_for="/healthz", **RELAXED_TIMEOUTS, **guarded.environment(role))
        for name, role in SERVICE_ROLES.items()
    }
    gateway = start_service("gateway", wait_for="/healthz", **RELAXED_TIMEOUTS, **guarded.environment("gateway"))
    for service in [gateway, *others.values()]:
        service.wait(lambda: http_status(service.url + "/readyz") == 200, "/readyz")  # noqa: B023  # awaited here
    return {"gateway": gateway, **others}


async def collect(
    guarded: GuardedServers, role: Role, *, publish: Sequence[str] = (), subscribe: Sequence[str] = (), expected: int
) -> list[str]:
    """Try to publish and to subscribe as a user; return the refusals of NATS in lower case."""
    refused: list[str] = []

    async def on_error(error: Exception) -> None:
        refused.append(str(error))

    login = guarded.nats_as(role)
    client = await nats.connect(login.url, user=login.user, password=login.password, error_cb=on_error)
    for subject in publish:
        await client.publish(subject, b"{}")
    for subject in subscribe:
        name, _, queue = subject.partition(" ")
        await client.subscribe(name, queue)

    async def all_refused() -> bool:
        await client.flush()  # more often than once: the client's PING may overtake what it sends
        return len(refused) >= expected

    await eventually(all_refused, f"{expected} refusals")
    await client.flush()
    await client.close()
    return refused


def test_the_whole_loop_runs_with_every_service_as_itself(client: httpx.Client, guarded: GuardedServers) -> None:
    decision = decide(client)
    assert not decision["degraded"]
    assert report(client, decision["decision_id"], quality=80, cost_usd=0.001, latency_ms=300).status_code == 202

    def learned() -> bool:
        arms = client.get("/v1/arms", params={"tier": "SIMPLE"}).json()["arms"]
        return bool(sum(arm["n"] for arm in arms) == 1)

    def compared() -> bool:
        (policy,) = [p for p in client.get("/v1/shadow/report").json()["policies"] if p["tier"] == "SIMPLE"]
        return bool(policy["decisions"] >= 1)

    wait_until(learned, "the outcome is learned from")
    wait_until(compared, "the shadow has seen the decision")
    shown = client.get(f"/v1/decisions/{decision['decision_id']}", params={"shadows": "true"}).json()
    assert shown["reward"] is not None
    assert shown["reward_parts"]["quality"] == 80.0
    assert [shadow["error"] for shadow in shown["shadows"]] == [None]
    assert client.get("/v1/overview", params={"tier": "SIMPLE"}).json()["totals"]["decisions"] == 1
    tried = client.post("/v1/try", json={"tier": "SIMPLE", "context": [1.0, 0.5, -0.25]})
    assert tried.status_code == 200, tried.text
    system = client.get("/v1/system").json()
    assert system["problems"] == []
    assert {service["service"] for service in system["services"]} == {"gateway", *SERVICE_ROLES.values()}
    assert client.get("/v1/alerts").json() == {"alerts": []}
    changed = client.put("/v1/policies/SIMPLE", json={"active": {"name": "even", "algorithm": "uniform"}})
    assert changed.status_code == 200, changed.text
    wait_until(lambda: decide(client)["policy"] == "even", "the change reached the replica")
    assert client.post("/v1/policies/SIMPLE/promote", json={"policy": "greedy", "force": True}).status_code == 200
    assert client.post("/v1/policies/SIMPLE/revert").json()["active"]["name"] == "even"
    versions = client.get("/v1/policies/SIMPLE/history").json()["versions"]
    assert [version["change"]["kind"] for version in versions] == ["revert", "promote", "api", "configuration"]
    assert guarded.refusals() == []


async def test_what_has_waited_for_feedback_is_counted_by_the_updater_as_itself(
    client: httpx.Client, guarded: GuardedServers
) -> None:
    gateway = await Bus.connect(guarded.nats_as("gateway"), "test")
    decision: str = (await asyncio.to_thread(decide, client))["decision_id"]
    outcome = Outcome(decision_id=decision, tier="SIMPLE", learn=False, accepted_at_ms=1, quality=5.0)
    before = (await gateway.info(subjects.OUTCOMES)).state.last_seq
    await gateway.append(subjects.feedback("SIMPLE"), encode(PendingOutcome(outcome=outcome, wait_ms=1)))

    async def counted() -> bool:
        return (await gateway.info(subjects.OUTCOMES)).state.last_seq > before

    await eventually(counted, "the outcome is in the log")
    assert guarded.refusals() == []
    await gateway.close()


async def test_poison_is_put_aside_and_announced_by_those_who_meet_it(
    client: httpx.Client, guarded: GuardedServers
) -> None:
    gateway = await Bus.connect(guarded.nats_as("gateway"), "test")
    await gateway.append(subjects.outcomes("SIMPLE"), b"{")
    await gateway.append(subjects.feedback("SIMPLE"), b"{")
    decision = await Bus.connect(guarded.nats_as("decision"), "test")
    await decision.append(subjects.decision_log("SIMPLE"), b"{")
    operator = await Bus.connect(guarded.nats_as("operator"), "test")

    async def all_dead() -> bool:
        return (await operator.info(subjects.DEAD)).state.messages == 3

    await eventually(all_dead, "all are dead letters")
    assert guarded.refusals() == []
    for bus in (gateway, decision, operator):
        await bus.close()


async def test_the_evaluator_reports_and_looks_for_regret_as_itself(
    client: httpx.Client, guarded: GuardedServers, environment: dict[str, str]
) -> None:
    config = load_config(environ={**environment, **guarded.environment("shadow-evaluator")})
    bus, store = await Bus.connect(config.nats, "test"), Store(config.redis)
    await asyncio.to_thread(decide, client)
    schedule = ReportSchedule(bus, store, "SIMPLE", config)
    next_week = datetime.now(UTC) + timedelta(days=7)

    async def reported() -> bool:
        return await schedule.check(next_week)

    await eventually(reported, "the report is published")
    assert await RegretWatch(bus, store, "SIMPLE", config).check() == []
    assert guarded.refusals() == []
    await bus.close()
    await store.close()


async def test_the_operator_rebuilds_a_tier_while_the_services_run(
    client: httpx.Client, services: dict[str, ServiceProcess], guarded: GuardedServers
) -> None:
    store = Store(guarded.store_as("operator"))
    before = await TierStore(store, "SIMPLE").changes()
    assert before.watermark > 0
    await reset_tier(store, "SIMPLE")

    async def learned_again() -> bool:
        return (await TierStore(store, "SIMPLE").changes()).watermark == before.watermark

    await eventually(learned_again, "learned again")
    services["reward_updater"].stop()
    services["reward_updater"].start()
    assert guarded.refusals() == []
    await store.close()


async def test_an_observer_may_subscribe_and_not_publish(client: httpx.Client, guarded: GuardedServers) -> None:
    login = guarded.nats_as("observer")
    observer = await nats.connect(login.url, user=login.user, password=login.password)
    heard: asyncio.Queue[Msg] = asyncio.Queue()
    await observer.subscribe("decisions.>", cb=heard.put)
    await observer.flush()

    decision = await asyncio.to_thread(decide, client)
    assert decision["decision_id"].encode() in (await heard.get()).data
    await observer.close()

    everything = [*PUBLISHED_BY, "anything"]
    private = ["outcomes.>", "log.>", "decide.*", "_INBOX_gateway.>", ">"]
    expected = len(everything) + len(private)
    refused = await collect(guarded, "observer", publish=everything, subscribe=private, expected=expected)
    assert len(refused) == expected


async def test_a_client_asks_for_decisions_over_nats(client: httpx.Client, guarded: GuardedServers) -> None:
    bus = await Bus.connect(guarded.nats_as("client"), "test")
    answer = await bus.requests.call(subjects.decide("SIMPLE"), b'{"tier":"SIMPLE","context":[1,0.5,0]}', 20.0)
    assert b"decision_id" in answer.data
    await bus.close()


PUBLISHED_BY: dict[str, set[Role]] = {
    "decide.SIMPLE": {"gateway", "client"},
    "score.SIMPLE": {"gateway"},
    "status.decision": set(),
    "$SRV.STATS": {"gateway", "operator"},
    "log.decisions.SIMPLE": {"decision"},
    "decisions.SIMPLE": {"decision"},
    "fallbacks.SIMPLE": {"gateway"},
    "outcomes.SIMPLE": {"gateway", "reward-updater"},
    "feedback.SIMPLE": {"gateway"},
    "rewards.SIMPLE": {"reward-updater"},
    "arms.SIMPLE": {"reward-updater"},
    "alerts.halted.SIMPLE": {"reward-updater"},
    "shadow.greedy.SIMPLE": {"shadow-evaluator"},
    "dead.outcomes": {"reward-updater"},
    "dead.feedback": {"reward-updater"},
    "dead.decisions": {"shadow-evaluator"},
    "dead.rewards": {"shadow-evaluator"},
    "$KV.policies.SIMPLE": {"gateway", "shadow-evaluator"},
    "alerts.report.SIMPLE": {"reward-updater", "shadow-evaluator"},
    "alerts.regret.SIMPLE": {"reward-updater", "shadow-evaluator"},
    "alerts.promotion.SIMPLE": {"gateway", "reward-updater", "shadow-evaluator"},
    "_INBOX_gateway.x": {"gateway", "decision", "reward-updater", "shadow-evaluator"},
    "_INBOX_decision.x": set(),
    "_INBOX_reward-updater.x": set(),
    "_INBOX_shadow-evaluator.x": set(),
    "$JS.API.STREAM.CREATE.DECISIONS": {"gateway", "operator"},
    "$JS.API.STREAM.CREATE.OTHER": {"operator"},
    "$JS.API.STREAM.UPDATE.OUTCOMES": {"gateway", "operator"},
    "$JS.API.STREAM.DELETE.OUTCOMES": {"operator"},
    "$JS.API.STREAM.PURGE.OUTCOMES": {"operator"},
    "$JS.API.STREAM.MSG.DELETE.REWARDS": {"operator"},
    "$JS.API.STREAM.RESTORE.OUTCOMES": {"operator"},
    "$JS.API.CONSUMER.CREATE.DECISIONS": {"shadow-evaluator", "operator", "reader"},
    "$JS.API.CONSUMER.CREATE.OUTCOMES": {"reward-updater", "shadow-evaluator", "operator", "reader"},
    "$JS.API.CONSUMER.CREATE.FEEDBACK": {"reward-updater", "operator"},
    "$JS.API.CONSUMER.CREATE.REWARDS": {"shadow-evaluator", "operator", "reader"},
    "$JS.API.CONSUMER.CREATE.SHADOW": {"operator", "reader"},
    "$JS.API.CONSUMER.CREATE.KV_policies": {"gateway", "decision", "shadow-evaluator", "operator"},
    "$JS.API.CONSUMER.DURABLE.CREATE.OUTCOMES.x": {"operator"},
    "$JS.API.DIRECT.GET.DECISIONS": {"gateway", "shadow-evaluator", "operator"},
    "$JS.API.DIRECT.GET.KV_policies": {"gateway", "shadow-evaluator", "operator"},
    "$JS.API.DIRECT.GET.OUTCOMES": {"gateway", "reward-updater", "operator"},
    "$JS.API.DIRECT.GET.ALERTS": {"gateway", "shadow-evaluator", "operator"},
    "$JS.API.DIRECT.GET.REWARDS": {"gateway", "reward-updater", "operator"},
    "$JS.API.STREAM.MSG.GET.DECISIONS": {"gateway", "shadow-evaluator", "operator"},
    "$JS.API.STREAM.MSG.GET.OUTCOMES": {"gateway", "reward-updater", "shadow-evaluator", "operator"},
    "$JS.API.STREAM.MSG.GET.KV_policies": {"gateway", "decision", "shadow-evaluator", "operator"},
    "$SYS.REQ.SERVER.PING": set(),
}
"""Who may publish what; the ones who may not are tried."""


@pytest.mark.parametrize("role", NATS_ROLES)
async def test_what_is_anothers_to_publish_is_refused(role: Role, guarded: GuardedServers) -> None:
    forbidden = [subject for subject, allowed in PUBLISHED_BY.items() if role not in allowed]
    refused = await collect(guarded, role, publish=forbidden, expected=len(forbidden))
    assert refused == [f'nats: permissions violation for publish to "{subject.lower()}"' for subject in forbidden]


SUBSCRIBED_BY: dict[str, set[Role]] = {
    "decide.*": set(),
    "decide.* decision": {"decision"},
    "decisions.*": {"gateway"},
    "arms.*": {"decision"},
    "outcomes.*": set(),
    "log.decisions.*": set(),
    "$KV.policies.*": set(),
    "_INBOX_gateway.>": {"gateway"},
    "_INBOX_decision.>": {"decision"},
    "_INBOX.>": set(),
    "score.*": set(),
    "score.* decision": {"decision"},
    "$SRV.PING": {"gateway", "decision", "reward-updater", "shadow-evaluator"},
    "$SRV.PING.decision": {"decision"},
    "status.decision": {"decision"},
    "status.reward-updater": {"reward-updater"},
    ">": set(),
}


@pytest.mark.parametrize("role", sorted(set(NATS_ROLES) - {"operator", "observer"}))
async def test_what_is_anothers_to_hear_is_refused(role: Role, guarded: GuardedServers) -> None:
    forbidden = [subject for subject, allowed in SUBSCRIBED_BY.items() if role not in allowed]
    assert len(await collect(guarded, role, subscribe=forbidden, expected=len(forbidden))) == len(forbidden)
    allowed = [subject for subject, roles in SUBSCRIBED_BY.items() if role in roles]
    assert await collect(guarded, role, subscribe=allowed, expected=0) == []


async def test_a_refusal_is_an_error_at_once_and_the_connection_goes_on(
    client: httpx.Client, guarded: GuardedServers, caplog: pytest.LogCaptureFixture
) -> None:
    bus = await Bus.connect(guarded.nats_as("decision"), "test")
    logging.getLogger("pointsman").propagate = True
    for _ in range(3):
        with pytest.raises(NotPermitted, match="permissions violation"):
            await bus.append(subjects.outcomes("SIMPLE"), b"{}")
    assert caplog.text.count("NATS refuses") == 1
    assert (await bus.info(subjects.DECISIONS)).created
    with pytest.raises(NotPermitted):
        await bus.info(subjects.OUTCOMES)
    reader = LogReader(bus, subjects.OUTCOMES, subjects.outcomes("SIMPLE"))
    with pytest.raises(Exception, match="permissions violation"):
        await reader.next_batch(wait_s=1.0)
    await bus.close()


@pytest.mark.parametrize("login", [(None, None), ("gateway", "guessed"), ("root", "x")])
async def test_a_client_without_a_password_cannot_connect_to_nats(
    login: tuple[str | None, str | None], guarded: GuardedServers
) -> None:
    client = Client()
    with pytest.raises(nats.errors.Error, match="Authorization Violation"):
        await client.connect(
            guarded.nats.url, user=login[0], password=login[1], allow_reconnect=False, error_cb=_ignore
        )
    await client.close()


async def test_a_wrong_password_is_logged_once_and_never_shown(
    guarded: GuardedServers, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("pointsman").propagate = True
    wrong = NatsConfig(url=guarded.nats.url, user="gateway", password="not-the-right-one")
    with caplog.at_level(logging.DEBUG):
        connecting = asyncio.create_task(Bus.connect(wrong, "test"))

        async def refused() -> bool:
            return "NATS refuses" in caplog.text

        await eventually(refused, "the refusal is logged")
        connecting.cancel()
        await asyncio.gather(connecting, return_exceptions=True)
        store = Store(RedisConfig(url=guarded.store.url, user="gateway", password="no-such-one"))
        with pytest.raises(StoreUnavailable) as caught:
            await store.ping()
        await store.close()
    assert "Authorization Violation" in caplog.text
    assert "not-the-right-one" not in caplog.text + repr(wrong)
    assert "no-such-one" not in caplog.text + str(caught.value) + repr(caught.value.__cause__)


async def test_a_connection_closed_by_nats_raises_in_the_waiting_task(tmp_path: Path) -> None:
    servers = GuardedServers(tmp_path)
    await asyncio.to_thread(servers.nats.start)
    bus = await Bus.connect(servers.nats_as("decision"), "test")
    settings = tmp_path / "nats" / "nats.conf"
    password = servers.credentials.nats["decision"]
    settings.write_text(settings.read_text().replace(password, "another-one"))
    os.kill(servers.nats.pid, signal.SIGHUP)  # NATS reads its configuration again
    with pytest.raises(BusUnavailable, match="permanently"):
        await bus.until_closed()
    await bus.close()
    servers.nats.stop()


async def test_an_event_stream_goes_on_after_nats_has_ended_the_gateways_connection_for_good(
    tmp_path: Path, start_service: StartService
) -> None:
    servers = GuardedServers(tmp_path)
    await asyncio.to_thread(servers.start)
    where = {"POINTSMAN_NATS_URL": servers.nats.url, "POINTSMAN_REDIS_URL": servers.store.url}
    gateway = await asyncio.to_thread(
        lambda: start_service("gateway-own", wait_for="/healthz", **where, **servers.environment("gateway"))
    )
    bus = await Bus.connect(servers.nats_as("decision"), "test")
    settings, password = tmp_path / "nats" / "nats.conf", servers.credentials.nats["gateway"]
    async with (
        httpx.AsyncClient(base_url=gateway.url, timeout=20.0) as web,
        web.stream("GET", "/v1/events/decisions") as answer,
    ):
        lines = answer.aiter_lines()
        assert ": listening" in [line async for line in _through(lines, ": listening")]

        async def ended() -> bool:
            return "has ended the connection permanently" in gateway.output()

        async def connected() -> bool:
            return bool((await web.get("/readyz")).json()["checks"]["nats"] == "ok")

        for before, after, done in ((password, "another-one", ended), ("another-one", password, connected)):
            settings.write_text(settings.read_text().replace(before, after))
            os.kill(servers.nats.pid, signal.SIGHUP)  # NATS reads its configuration again
            await eventually(done, done.__name__)
        assert ": listening" in [line async for line in _through(lines, ": listening")]
        await bus.publish(subjects.decision_topic("SIMPLE"), b'{"decision_id":"after"}')
        assert "id: after" in [line async for line in _through(lines, "id: after")]
    await bus.close()
    await asyncio.to_thread(gateway.stop)
    servers.stop()


async def _through(lines: AsyncIterator[str], last: str) -> AsyncIterator[str]:
    """Yield lines up to a certain one."""
    async for line in lines:
        yield line
        if line == last:
            return


async def test_answers_come_to_an_inbox_of_ones_own(guarded: GuardedServers) -> None:
    bus = await Bus.connect(guarded.nats_as("gateway"), "test")
    assert bus.nats.new_inbox().startswith("_INBOX_gateway.")
    await bus.close()


async def _ignore(_: Exception) -> None:
    """The client would print it."""
