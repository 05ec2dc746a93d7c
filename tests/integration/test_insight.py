"""Endpoints of the dashboard over running services: every number compared with its source."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import numpy as np
import pytest
import pytest_asyncio

from pointsman.cli.main import main
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.decision import DecisionEvent, event_decoder
from pointsman.contracts.messages.ids import parse_id
from pointsman.contracts.messages.notices import Alert, ShadowDecision, shadow_decoder
from pointsman.contracts.messages.outcome import RewardEvent, reward_decoder
from pointsman.core.bandit import Arm
from pointsman.learning.tier_store import TierStore
from pointsman.runtime.bus import Bus
from pointsman.runtime.store.store import Store
from pointsman.shadow.sums.store import ShadowStore
from tests.integration.shadow_recomputation import read_messages
from tests.support.fixtures import RELAXED_TIMEOUTS, StartService
from tests.support.gateway_calls import field_of
from tests.support.loop_calls import applied_through, read_all
from tests.support.processes import ServiceProcess, http_status
from tests.support.waiting import eventually, wait_until

pytestmark = pytest.mark.integration

TIER = "SHOWN"
ARMS = ("p:a", "q:b/1.5:free")
NAMES = ["constant", "length", "code"]
DECISIONS = 220
LAST = 40
"""Decisions without an outcome."""
RECENT_DECISIONS = 5

CONFIG_TOML = f"""
[context]
dim = 3
names = {NAMES}

[policy]
algorithm = "linucb"
epsilon = 0.8

[[tier]]
name = "{TIER}"
arms = ["{ARMS[0]}", "{ARMS[1]}"]

[[tier]]
name = "IDLE"
arms = ["p:a"]

[[shadow]]
name = "greedy"
algorithm = "epsilon-greedy"
epsilon = 0.0

[[shadow]]
name = "some"
algorithm = "uniform"
sample = 0.5

[[shadow]]
name = "thrifty"
algorithm = "linucb"
lambda_cost = 2.0
"""


@pytest.fixture(scope="module")
def config_toml() -> str:
    return CONFIG_TOML


@pytest.fixture(scope="module")
def services(start_service: StartService) -> dict[str, ServiceProcess]:
    """All services, with two decision replicas."""
    gateway = start_service("gateway", wait_for="/healthz", **RELAXED_TIMEOUTS)
    names = ("decision", "decision-2", "reward_updater", "shadow_evaluator")
    others = {name: start_service(name, **RELAXED_TIMEOUTS) for name in names}
    gateway.wait(lambda: http_status(gateway.url + "/readyz") == 200, "/readyz")
    return {"gateway": gateway, **others}


@pytest.fixture(scope="module")
def traffic(services: dict[str, ServiceProcess], nats_url: str, store_url: str) -> Iterator[list[dict[str, Any]]]:
    """Decisions, all but the last with an outcome, after the services have processed them."""
    rng = random.Random(7)
    decisions = []
    with httpx.Client(base_url=services["gateway"].url, timeout=20.0) as client:
        for at in range(DECISIONS):
            context = [1.0, round(rng.uniform(-1, 1), 3), round(rng.uniform(-1, 1), 3)]
            request: dict[str, Any] = {"tier": TIER, "context": context}
            if at % 20 == 0:
                request |= {"pinned": {"provider": "p", "model": "a"}, "switching_cost": 10.0}
            decided = client.post("/v1/decisions", json=request).json()
            assert not decided["degraded"]
            decisions.append(decided)
            if at < DECISIONS - LAST:
                outcome: dict[str, Any] = {"decision_id": decided["decision_id"], "quality": rng.randrange(20, 100)}
                if at % 3:
                    outcome |= {"cost_usd": round(rng.uniform(0, 0.02), 4), "latency_ms": rng.randrange(100, 900)}
                assert client.post("/v1/outcomes", json=outcome).status_code == 202
        asyncio.run(caught_up(nats_url, store_url))
        yield decisions


@pytest_asyncio.fixture
async def web(services: dict[str, ServiceProcess]) -> AsyncIterator[httpx.AsyncClient]:
    """A client for tests that have a connection to NATS of their own."""
    async with httpx.AsyncClient(base_url=services["gateway"].url, timeout=20.0) as connected:
        yield connected


async def caught_up(nats_url: str, store_url: str) -> None:
    """Wait until every outcome is applied and the evaluator has read both logs."""
    bus, store = await Bus.connect(nats_url, "test"), Store(store_url)
    last = {}
    for stream, subject in ((subjects.OUTCOMES, subjects.outcomes), (subjects.DECISIONS, subjects.decision_log)):
        found = await bus.last(stream, subject(TIER))
        assert found is not None
        last[stream] = found.sequence
    await applied_through(store, TIER, last[subjects.OUTCOMES])
    reward = await bus.last(subjects.REWARDS, subjects.rewards(TIER))
    assert reward is not None

    async def read() -> bool:
        progress = await ShadowStore(store, TIER).progress()
        return progress.watermark >= last[subjects.DECISIONS] and progress.rewards_at >= reward.sequence

    await eventually(read, "the evaluator has read both logs")
    await bus.close()
    await store.close()


class Logged:
    """The logs of the tier."""

    def __init__(self, decisions: list[tuple[int, int, DecisionEvent]], rewards: dict[int, RewardEvent]) -> None:
        self.decisions = decisions
        self.rewards = rewards

    @classmethod
    async def read(cls, bus: Bus) -> Logged:
        messages = await read_messages(bus, subjects.DECISIONS, subjects.decision_log(TIER))
        decisions = [(m.sequence, m.at_ms, event_decoder.decode(m.data)) for m in messages]
        rewards = {}
        for data in await read_all(bus, subjects.REWARDS, subjects.rewards(TIER)):
            event = reward_decoder.decode(data)
            rewards[parse_id(event.decision_id).sequence or 0] = event
        return cls(decisions, rewards)

    def rewarded(self) -> list[tuple[int, DecisionEvent, RewardEvent]]:
        """Return when and what was decided, and the reward, of those decisions that have one."""
        return [
            (at, event, self.rewards[sequence]) for sequence, at, event in self.decisions if sequence in self.rewards
        ]


def arm_of(event: DecisionEvent) -> str:
    return f"{event.provider}:{event.model}"


@pytest.mark.parametrize("window", ["1h", "24h", "7d", "30d"])
async def test_overview_agrees_with_the_logs(
    web: httpx.AsyncClient, traffic: list[dict[str, Any]], bus: Bus, window: str
) -> None:
    answer = await web.get("/v1/overview", params={"tier": TIER, "window": window})
    assert answer.status_code == 200, answer.text
    overview, logs = answer.json(), await Logged.read(bus)
    step_ms = overview["step_s"] * 1000
    points = {point["at_ms"]: point for point in overview["points"]}
    times = sorted(points)
    assert times == list(range(times[0], times[-1] + 1, step_ms))
    assert (times[0], times[-1]) == (overview["window"]["from"], overview["window"]["to"] // step_ms * step_ms)
    assert len(logs.decisions) == DECISIONS
    decided = Counter(at // step_ms * step_ms for _, at, _ in logs.decisions)
    assert {at: point["decisions"] for at, point in points.items() if point["decisions"]} == decided
    for at, number in decided.items():
        point = points[at]
        here = [event for _, when, event in logs.decisions if when // step_ms * step_ms == at]
        rewards = [(event, reward) for when, event, reward in logs.rewarded() if when // step_ms * step_ms == at]
        assert point["decisions"] == number == sum(arm["decisions"] for arm in point["arms"])
        assert point["explored"] == sum(event.explored for event in here)
        assert point["pinned"] == sum(event.pinned for event in here)
        assert point["rewarded"] == len(rewards)
        for arm in point["arms"]:
            own = [reward for event, reward in rewards if arm_of(event) == arm["arm"]]
            costs = [reward.cost_usd for reward in own if reward.cost_usd is not None]
            assert arm["decisions"] == sum(arm_of(event) == arm["arm"] for event in here)
            assert arm["rewarded"] == len(own)
            assert arm["reward_sum"] == pytest.approx(sum(reward.reward for reward in own))
            assert arm["cost_usd_sum"] == pytest.approx(sum(costs))
            assert arm["cost_n"] == len(costs)
    totals, all_rewards = overview["totals"], [reward for _, _, reward in logs.rewarded()]
    all_costs = [reward.cost_usd for reward in all_rewards if reward.cost_usd is not None]
    assert (totals["decisions"], totals["rewarded"]) == (DECISIONS, DECISIONS - LAST)
    assert totals["explored"] == sum(event.explored for _, _, event in logs.decisions) > 0
    assert totals["pinned"] == DECISIONS // 20
    assert totals["mean_reward"] == pytest.approx(np.mean([reward.reward for reward in all_rewards]))
    assert totals["mean_cost_usd"] == pytest.approx(np.mean(all_costs))
    assert [arm["arm"] for arm in totals["arms"]] == [
        arm for arm, _ in sorted(Counter(arm_of(e) for _, _, e in logs.decisions).items(), key=lambda a: (-a[1], a[0]))
    ]


def test_best_fixed_arm_agrees_with_the_shadow_report(client: httpx.Client, traffic: list[dict[str, Any]]) -> None:
    overview = client.get("/v1/overview", params={"tier": TIER, "window": "7d"}).json()
    report = client.get("/v1/shadow/report", params={"tier": TIER, "window": "8d"}).json()
    (regret,) = report["regret"]
    best, uniform = overview["against"]
    assert (best["policy"], best["arm"]) == ("best fixed arm", regret["against_best_arm"]["best"])
    delta, expected = best["reward_delta"], regret["against_best_arm"]["delta"]
    assert delta.pop("always_valid") == pytest.approx(expected.pop("always_valid"))
    assert delta == pytest.approx(expected)
    # Those without the pinned ones, which no policy chose.
    assert best["decisions"] == uniform["decisions"] == DECISIONS - LAST - (DECISIONS - LAST) // 20
    assert (uniform["policy"], uniform["arm"]) == ("uniform", None)
    for compared in (best, uniform):
        cost = compared["cost_delta_usd"]
        assert cost["low"] < cost["estimate"] < cost["high"]
        for name, bound in (("saved_usd", "estimate"), ("saved_low_usd", "low"), ("saved_high_usd", "high")):
            # Of 20 decisions 19 were the policy's, both of those with an outcome and of all.
            assert compared[name] == pytest.approx(cost[bound] * (DECISIONS - DECISIONS // 20))


def test_healthy_tier_is_described_in_a_sentence(client: httpx.Client, traffic: list[dict[str, Any]]) -> None:
    health = client.get("/v1/overview", params={"tier": TIER}).json()["health"]
    assert health["ok"], health
    assert health["sentence"].startswith("Healthy: 2 decision replicas, state at most ")
    assert "all outcomes applied" in health["sentence"]


def test_overview_of_a_tier_without_decisions_is_empty(client: httpx.Client) -> None:
    overview = client.get("/v1/overview", params={"tier": "IDLE", "window": "1h"}).json()
    assert len(overview["points"]) == 60
    assert not any(point["decisions"] or point["arms"] for point in overview["points"])
    assert overview["totals"]["mean_reward"] is None
    assert overview["against"] == []


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("/v1/overview", 422, "tier"),
        ("/v1/overview?tier=NOPE", 404, "tier"),
        (f"/v1/overview?tier={TIER}&window=2h", 422, "window"),
        (f"/v1/overview?tier={TIER}&step=1", 422, "step"),
        ("/v1/system?x=1", 422, "x"),
        ("/v1/alerts?limit=0", 422, "limit"),
        ("/v1/alerts?limit=201", 422, "limit"),
        ("/v1/alerts?limit=x", 422, "limit"),
        ("/v1/alerts?tier=NOPE", 404, "tier"),
        ("/v1/arms?window=1y", 422, "window"),
        (f"/v1/decisions/{TIER}.1.0123456789abcdef?shadows=maybe", 422, "shadows"),
    ],
)
def test_invalid_parameter_is_named(client: httpx.Client, path: str, status: int, field: str) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert field_of(answer) == field


async def test_arms_agree_with_their_decisions_and_rewards(
    web: httpx.AsyncClient, traffic: list[dict[str, Any]], bus: Bus
) -> None:
    answer = (await web.get("/v1/arms", params={"tier": TIER, "matrices": "true"})).json()
    logs = await Logged.read(bus)
    assert answer["features"] == NAMES
    for arm in answer["arms"]:
        name, recent = f"{arm['provider']}:{arm['model']}", arm["recent"]
        own = [(event, reward) for _, event, reward in logs.rewarded() if arm_of(event) == name]
        rewards = np.array([reward.reward / 100.0 for _, reward in own])
        assert recent["decisions"] == sum(arm_of(event) == name for _, _, event in logs.decisions)
        assert recent["rewarded"] == len(own) == arm["n"]
        assert recent["missing"] == recent["decisions"] - recent["rewarded"]
        assert recent["mean_reward"] == pytest.approx(rewards.mean())
        half = 1.959964 * rewards.std(ddof=1) / np.sqrt(len(rewards))
        assert len(rewards) >= 30
        assert (recent["low"], recent["high"]) == pytest.approx(
            (rewards.mean() - half, rewards.mean() + half), abs=1e-6
        )
        delays = [(reward.accepted_at_ms - event.decided_at_ms) / 1000.0 for event, reward in own]
        assert recent["reward_delay_s"] == pytest.approx(np.mean(delays))
        inverse = np.linalg.inv(np.array(arm["A"]))
        assert arm["theta_width"] == pytest.approx(np.sqrt(np.diag(inverse)))
        assert arm["theta"] == pytest.approx(inverse @ np.array(arm["b"]))


async def test_decision_shows_the_choice_of_each_shadow(
    web: httpx.AsyncClient, traffic: list[dict[str, Any]], bus: Bus
) -> None:
    published: dict[tuple[str, str], ShadowDecision] = {}
    for name in ("greedy", "some", "thrifty"):
        for data in await read_all(bus, subjects.SHADOW, subjects.shadow(name, TIER)):
            event = shadow_decoder.decode(data)
            published[event.decision_id, name] = event
    seen: Counter[str] = Counter()
    for decided in traffic[-LAST:]:  # picks of the stateful one are kept: no reward has come
        decision_id = decided["decision_id"]
        view = (await web.get(f"/v1/decisions/{decision_id}", params={"shadows": "true"})).json()
        assert [shadow["policy"] for shadow in view["shadows"]] == ["greedy", "some", "thrifty"]
        for shadow in view["shadows"]:
            result = published.get((decision_id, shadow["policy"]))
            if decided["pinned"]:
                assert result is None
                assert (shadow["arm"], shadow["agree"], shadow["probabilities"]) == (None, None, [])
                assert "kept its arm" in shadow["error"]
                seen["pinned"] += 1
            elif result is None:
                assert shadow["policy"] == "some"
                assert not shadow["sampled"]
                assert shadow["probabilities"] == [0.5, 0.5]
                seen["not sampled"] += 1
            else:
                assert shadow["sampled"]
                assert (shadow["arm"], shadow["agree"]) == (result.shadow, result.agree)
                assert shadow["probabilities"] == result.probabilities
                assert shadow["error"] is None
                seen[shadow["policy"]] += 1
    assert min(seen[name] for name in ("pinned", "not sampled", "greedy", "some", "thrifty")) > 0


def test_unknown_choice_of_a_shadow_has_a_reason(client: httpx.Client, traffic: list[dict[str, Any]]) -> None:
    decision_id = traffic[1]["decision_id"]  # its reward has come, and the choice is not stored any more
    view = client.get(f"/v1/decisions/{decision_id}", params={"shadows": "true"}).json()
    thrifty = next(shadow for shadow in view["shadows"] if shadow["policy"] == "thrifty")
    assert thrifty["arm"] is None
    assert "only until the reward arrives" in thrifty["error"]
    assert "shadows" not in client.get(f"/v1/decisions/{decision_id}").json()


async def test_decision_shows_features_by_name_and_parts_of_its_reward(
    web: httpx.AsyncClient, traffic: list[dict[str, Any]], bus: Bus
) -> None:
    rewards = {event.decision_id: event for event in (await Logged.read(bus)).rewards.values()}
    for decided in traffic[: DECISIONS - LAST : 7]:
        view = (await web.get(f"/v1/decisions/{decided['decision_id']}")).json()
        assert [feature["name"] for feature in view["features"]] == NAMES
        assert [feature["value"] for feature in view["features"]] == view["context"]
        event, parts = rewards[decided["decision_id"]], view["reward_parts"]
        assert (parts["cost_norm"], parts["latency_norm"]) == (event.cost_norm, event.latency_norm)
        rule = view["outcome"]["rule"]
        taken = (parts["cost"] or 0.0) + (parts["latency"] or 0.0)
        assert parts["quality"] == view["outcome"]["quality"]
        assert view["reward"] == pytest.approx(min(max(parts["quality"] - taken, 0.0), 100.0))
        if event.cost_norm is not None:
            assert parts["cost"] == pytest.approx(100.0 * rule.get("lambda_cost", 0.3) * event.cost_norm)
    assert "reward_parts" not in (await web.get(f"/v1/decisions/{traffic[-1]['decision_id']}")).json()


async def test_dry_run_scores_like_a_decision_and_is_not_logged(
    web: httpx.AsyncClient, traffic: list[dict[str, Any]], bus: Bus
) -> None:
    before = (await bus.info(subjects.DECISIONS)).state.last_seq
    heard: list[bytes] = []

    async def hear(message: Any) -> None:
        heard.append(message.data)

    await bus.nats.subscribe(subjects.ANY_DECISION, cb=hear)
    await bus.nats.flush()
    asked = {"tier": TIER, "context": [1.0, 0.25, -0.5]}
    answer = await web.post("/v1/try", json=asked)
    assert answer.status_code == 200, answer.text
    tried = answer.json()
    assert (await bus.info(subjects.DECISIONS)).state.last_seq == before
    decided = (await web.post("/v1/decisions", json=asked)).json()
    assert tried["scores"] == decided["scores"]  # nothing was learned in between
    assert (tried["policy"], tried["policy_version"]) == (decided["policy"], decided["policy_version"])
    assert sum(score["probability"] for score in tried["scores"]) == pytest.approx(1.0)
    assert tried["features"] == [
        {"name": name, "value": value} for name, value in zip(NAMES, asked["context"], strict=True)
    ]
    assert tried["auto"] is None

    async def something() -> bool:
        return bool(heard)

    await eventually(something, "a decision on its topic")
    assert [event_decoder.decode(data).decision_id for data in heard] == [decided["decision_id"]]
    only = (await web.post("/v1/try", json={**asked, "candidates": [{"provider": "p", "model": "a"}]})).json()
    assert [(score["model"], score["probability"]) for score in only["scores"]] == [("a", 1.0)]


async def test_dry_run_scores_the_average_request_as_if_it_had_been_learned_with_other_weights(
    web: httpx.AsyncClient, traffic: list[dict[str, Any]], store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    learned = (await TierStore(store, TIER).changes()).arms
    weight = sum(state.moments[0, 0] for state in learned.values())
    context = sum(state.sums[0] for state in learned.values()) / weight
    asked = {"tier": TIER, "average": True}
    now, then = [(await web.post("/v1/try", json=asked | other)).json() for other in ({}, {"lambda_cost": 2.0})]
    assert (now["weights"]["lambda_cost"], then["weights"]) == (0.3, now["weights"] | {"lambda_cost": 2.0})
    assert now["context"] == then["context"] == pytest.approx(context)
    assert [feature["value"] for feature in then["features"]] == then["context"]
    for score in then["scores"]:
        state = learned[Arm(score["provider"], score["model"])]
        _, _, quality, cost, latency = state.sums
        b = quality - 2.0 * cost - then["weights"]["mu_latency"] * latency
        assert score["mean"] == pytest.approx(context @ np.linalg.solve(state.A, b))
    assert [score["mean"] for score in then["scores"]] != [score["mean"] for score in now["scores"]]
    assert (await web.post("/v1/try", json=asked)).json()["scores"] == now["scores"]
    command = ["policies", "--tier", TIER, "--lambda-cost", "2", "--url", str(web.base_url)]
    assert await asyncio.to_thread(main, command) == 0
    assert "the average request; λ 0.3, μ 0.1 now, λ 2, μ 0.1 then" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"tier": TIER, "average": True, "prompt": "x"}, "average"),
        ({"average": True}, "tier"),
        ({"tier": TIER, "average": False}, "context"),
        ({"tier": TIER, "average": True, "lambda_cost": -1.0}, "lambda_cost"),
        ({"context": [1.0, 2.0, 3.0]}, "tier"),
        ({"tier": TIER}, "context"),
        ({"tier": TIER, "context": [1.0, 2.0, 3.0], "prompt": "x"}, "prompt"),
        ({"tier": TIER, "context": [1.0]}, "context"),
        ({"tier": "NOPE", "context": [1.0, 2.0, 3.0]}, "tier"),
        ({"tier": TIER, "messages": []}, "messages"),
        ({"tier": TIER, "context": [1.0, 2.0, 3.0], "candidates": []}, "candidates"),
        ({"tier": TIER, "context": [1.0, 2.0, 3.0], "metadata": {}}, "metadata"),
    ],
)
def test_dry_run_names_the_invalid_field(client: httpx.Client, body: dict[str, Any], field: str) -> None:
    answer = client.post("/v1/try", json=body)
    assert answer.status_code == 422
    assert field_of(answer) == field


async def test_system_shows_every_process_stream_and_tier(
    web: httpx.AsyncClient, traffic: list[dict[str, Any]], services: dict[str, ServiceProcess], bus: Bus, store: Store
) -> None:
    for _ in range(RECENT_DECISIONS):
        assert not (await web.post("/v1/decisions", json={"tier": "IDLE", "context": [1.0, 0.0, 0.0]})).json()[
            "degraded"
        ]
    system: dict[str, Any] = {}

    async def counted() -> bool:  # a response is cached for a second
        system.update((await web.get("/v1/system")).json())
        requests = [s["requests"] for s in system["services"] if s["service"] == "decision"]
        lags = [tier[name] for tier in system["tiers"] for name in ("lag", "shadow_lag", "reward_lag")]
        return bool(sum(requests) >= DECISIONS + RECENT_DECISIONS and lags == [0] * 6)

    await eventually(counted, "the last decisions are counted and evaluated")
    assert system["problems"] == []
    assert Counter(service["service"] for service in system["services"]) == {
        "gateway": 1,
        "decision": 2,
        "reward-updater": 1,
        "shadow-evaluator": 1,
    }
    pids = {service["instance"].rpartition(":")[2] for service in system["services"]}
    assert pids == {str(service.pid) for service in services.values()}
    by_service = {name: [s for s in system["services"] if s["service"] == name] for name in ("gateway", "decision")}
    assert sum(replica["requests"] for replica in by_service["decision"]) >= DECISIONS
    assert by_service["gateway"][0]["requests"] >= 2 * DECISIONS - LAST
    for service in system["services"]:
        assert service["started_ms"] <= system["at_ms"]
        if service["service"] == "gateway":
            assert 0.0 < service["p50_ms"] <= service["p99_ms"]
    for stream in system["streams"]:
        info = await bus.info(stream["name"])
        assert (stream["messages"], stream["bytes"]) == (info.state.messages, info.state.bytes)
        assert (stream["first_sequence"], stream["last_sequence"]) == (info.state.first_seq, info.state.last_seq)
        assert stream["max_bytes"] == (info.config.max_bytes if info.config.max_bytes > 0 else None)
    assert [stream["name"] for stream in system["streams"]] == list(subjects.STREAM_SUBJECTS)
    first = await read_messages(bus, subjects.OUTCOMES, subjects.outcomes(TIER))
    outcomes = next(stream for stream in system["streams"] if stream["name"] == subjects.OUTCOMES)
    assert (outcomes["first_ms"], outcomes["last_ms"]) == (first[0].at_ms, first[-1].at_ms)
    assert [tier["tier"] for tier in system["tiers"]] == [TIER, "IDLE"]
    tier = system["tiers"][0]
    assert tier["log_end"] == tier["watermark"] == first[-1].sequence
    assert tier["watermark"] == (await TierStore(store, TIER).changes()).watermark
    assert not tier["halted"]
    assert {age["instance"] for age in tier["state_age_ms"]} == {r["instance"] for r in by_service["decision"]}
    assert all(age["watermark"] == tier["watermark"] for age in tier["state_age_ms"])
    assert all(0 <= age["state_age_ms"] < 60_000 for age in tier["state_age_ms"])
    hops = {hop["hop"]: hop for hop in system["hops"]}
    assert min(hops[hop]["count"] for hop in ("replica", "http_decision")) >= RECENT_DECISIONS
    assert 0.0 < hops["replica"]["p50_ms"] <= hops["replica"]["p99_ms"]
    assert hops["llm_overhead"] == {"hop": "llm_overhead", "p50_ms": None, "p99_ms": None, "count": 0}
    assert system["throughput"]["decisions_per_s"] > 0.0
    assert system["throughput"]["outcomes_per_s"] >= 0.0


async def test_dead_letters_are_counted_by_stream(
    web: httpx.AsyncClient, traffic: list[dict[str, Any]], bus: Bus
) -> None:
    await bus.append(subjects.rewards("IDLE"), b"no reward")

    async def found() -> bool:
        return bool((await web.get("/v1/system")).json()["dead_letters"] == {"REWARDS": 1})

    await eventually(found, "a dead letter")
    sentence = (await web.get("/v1/overview", params={"tier": TIER})).json()["health"]["sentence"]
    assert sentence.endswith(", 1 dead letter.")


async def test_alerts_are_listed_with_the_newest_first(web: httpx.AsyncClient, services: object, bus: Bus) -> None:
    for at, (kind, tier) in enumerate((("test", TIER), ("test", "IDLE"), ("test", "_all"), ("other", TIER))):
        alert = Alert(
            kind=kind, tier=tier, text=f"text {at}", service="test", raised_at_ms=1000 + at, detail={"at": at}
        )
        await bus.append(subjects.alert(kind, tier), encode(alert))
    await bus.append(subjects.alert("broken", TIER), b"{")

    async def texts(**query: Any) -> list[str]:
        alerts = (await web.get("/v1/alerts", params=query)).json()["alerts"]
        assert [alert["sequence"] for alert in alerts] == sorted((a["sequence"] for a in alerts), reverse=True)
        return [alert["text"] for alert in alerts if alert["service"] == "test"]

    assert await texts() == ["text 3", "text 2", "text 1", "text 0"]
    assert await texts(tier=TIER) == ["text 3", "text 2", "text 0"]
    assert await texts(tier=TIER, limit=2) == ["text 3", "text 2"]
    newest = (await web.get("/v1/alerts", params={"limit": 2})).json()["alerts"][0]  # the newest is no alert
    assert newest == {
        "sequence": (await bus.info(subjects.ALERTS)).state.last_seq - 1,
        "kind": "other",
        "tier": TIER,
        "text": "text 3",
        "service": "test",
        "raised_at_ms": 1003,
        "detail": {"at": 3},
    }


def test_stopped_replica_leaves_the_system_view_and_the_last_one_makes_the_tier_unhealthy(
    client: httpx.Client, traffic: list[dict[str, Any]], services: dict[str, ServiceProcess]
) -> None:
    def replicas() -> int:
        return sum(service["service"] == "decision" for service in client.get("/v1/system").json()["services"])

    services["decision-2"].stop()
    wait_until(lambda: replicas() == 1, "one replica")
    sentence = client.get("/v1/overview", params={"tier": TIER}).json()["health"]["sentence"]
    assert sentence.startswith("Healthy: 1 decision replica,")
    services["decision"].stop()
    wait_until(lambda: replicas() == 0, "no replica")
    begin = time.monotonic()
    health = client.get("/v1/overview", params={"tier": TIER}).json()["health"]
    assert time.monotonic() - begin < 20.0
    assert not health["ok"]
    assert health["sentence"].startswith("No decision replica responds")
    answer = client.post("/v1/try", json={"tier": TIER, "context": [1.0, 0.0, 0.0]})
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
