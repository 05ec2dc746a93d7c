"""The report of the running services against the truth: every arm's outcome is known, the services receive few.

Requests are routed with ε = 0.1; 30 % of the decisions, at random, get an outcome, late and out of order. What each
shadow would truly have earned is then worked out from the whole table and the distributions in the logs.
"""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import httpx
import numpy as np
import pytest

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.decision import event_decoder
from pointsman.contracts.messages.ids import DecisionId
from pointsman.contracts.messages.notices import shadow_decoder
from pointsman.core.bandit import FloatArray
from pointsman.runtime.bus import Bus
from tests.integration.shadow_recomputation import read_messages
from tests.support.fixtures import RELAXED_TIMEOUTS, StartService
from tests.support.processes import ServiceProcess
from tests.support.repository import ROOT
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

TABLE = ROOT / "tests" / "golden" / "routing_k3.npz"
DIM = 6
ARMS = ("p:first", "p:second", "q:third")
PROMPTS = 900
REPORTED_SHARE = 0.3
AT_ONCE = 16
SHADOWS = ("greedy", "thompson", "uniform", "always-first", "always-third")

CONFIG_TOML = f"""
[context]
dim = {DIM}

[reward]
lambda_cost = 0.3
mu_latency = 0.0
normalizer = "fixed"
cost_bounds_usd = [0.0, 0.01]

[policy]
algorithm = "linucb"
alpha = 0.5
epsilon = 0.1

[[tier]]
name = "MADE-UP"
arms = {list(ARMS)}

[[tier]]
name = "REAL"
arms = {list(ARMS)}

[[shadow]]
name = "greedy"
algorithm = "epsilon-greedy"
epsilon = 0.0

[[shadow]]
name = "thompson"
algorithm = "thompson"

[[shadow]]
name = "uniform"
algorithm = "uniform"

[[shadow]]
name = "always-first"
algorithm = "static:{ARMS[0]}"

[[shadow]]
name = "always-third"
algorithm = "static:{ARMS[2]}"
"""


class World(NamedTuple):
    """Outcomes of every arm for every prompt.

    Attributes
    ----------
    contexts : ndarray, shape (n, DIM)
    quality : ndarray, shape (n, 3)
        0 to 100.
    cost_usd : ndarray, shape (n, 3)
    """

    contexts: FloatArray
    quality: FloatArray
    cost_usd: FloatArray

    def rewards(self) -> FloatArray:
        """Return 0 to 100, by the rule of the configuration."""
        rewards: FloatArray = np.clip(self.quality - 30.0 * np.clip(self.cost_usd / 0.01, 0.0, 1.0), 0.0, 100.0)
        return rewards


def made_up() -> World:
    rng = np.random.default_rng(11)
    contexts = np.concatenate([np.ones((PROMPTS, 1)), rng.normal(0.0, 0.5, (PROMPTS, DIM - 1))], axis=1)
    liking = np.array([[0.6, 0.2, 0, 0, 0, 0], [0.7, -0.2, 0.1, 0, 0, 0], [0.8, 0, 0, 0.1, 0, 0]])
    quality = np.clip(contexts @ liking.T + rng.normal(0.0, 0.15, (PROMPTS, 3)), 0.0, 1.0) * 100.0
    return World(contexts, quality, rng.lognormal(0.0, 0.5, (PROMPTS, 3)) * [0.0005, 0.001, 0.008])


def real() -> World:
    with np.load(TABLE) as data:
        chosen = np.random.default_rng(12).permutation(len(data["quality"]))[:PROMPTS]
        contexts = data["features"][chosen, :DIM].astype(np.float64)
        return World(contexts, 100.0 * data["quality"][chosen].astype(np.float64), data["cost_usd"][chosen])


WORLDS = {"MADE-UP": made_up, "REAL": real}


@pytest.fixture(scope="module")
def config_toml() -> str:
    return CONFIG_TOML


@pytest.fixture(scope="module")
def services(start_service: StartService) -> ServiceProcess:
    """All four services; returns the gateway."""
    started = start_service("gateway", wait_for="/healthz", **RELAXED_TIMEOUTS)
    for name in ("decision", "reward_updater", "shadow_evaluator"):
        start_service(name, **RELAXED_TIMEOUTS)
    return started


class Routed(NamedTuple):
    """A tier all of whose requests were routed."""

    tier: str
    world: World
    gateway: ServiceProcess


@pytest.fixture(scope="module", params=WORLDS)
def routed(request: pytest.FixtureRequest, services: ServiceProcess) -> Routed:
    world = WORLDS[request.param]()
    asyncio.run(_route(services.url, request.param, world))
    return Routed(request.param, world, services)


async def _route(url: str, tier: str, world: World) -> None:
    rng = np.random.default_rng(13)
    waiting: list[dict[str, Any]] = []
    reported = 0
    async with httpx.AsyncClient(base_url=url, timeout=20.0) as client:

        async def decide(prompt: int) -> None:
            body = {"tier": tier, "context": world.contexts[prompt].tolist(), "metadata": {"prompt": prompt}}
            decision = (await client.post("/v1/decisions", json=body)).json()
            assert not decision["degraded"], decision
            arm = ARMS.index(f"{decision['provider']}:{decision['model']}")
            if rng.random() < REPORTED_SHARE:
                quality, cost = float(world.quality[prompt, arm]), float(world.cost_usd[prompt, arm])
                waiting.append({"decision_id": decision["decision_id"], "quality": quality, "cost_usd": cost})

        async def report_one(outcome: dict[str, Any]) -> None:
            answer = await client.post("/v1/outcomes", json=outcome)
            assert answer.status_code == 202, answer.text

        async def decides() -> bool:
            return (await client.get("/readyz")).status_code == 200

        await eventually(decides, "a replica decides")
        for start in range(0, PROMPTS, AT_ONCE):
            await asyncio.gather(*(decide(at) for at in range(start, min(start + AT_ONCE, PROMPTS))))
            rng.shuffle(waiting)
            now, waiting = waiting[:4], waiting[4:]
            reported += len(now)
            await asyncio.gather(*map(report_one, now))
        reported += len(waiting)
        await asyncio.gather(*map(report_one, waiting))

        async def joined() -> bool:
            found = (await client.get("/v1/shadow/report", params={"tier": tier})).json()["policies"]
            return all((p["decisions"], p["rewarded"]) == (PROMPTS, reported) for p in found) and len(found) == 5

        await eventually(joined, "every outcome is joined")


async def true_differences(nats_url: str, tier: str, world: World) -> dict[str, dict[str, float]]:
    """Return what each shadow would have earned more on the average of all decisions, rewarded or not."""
    bus = await Bus.connect(nats_url, "truth")
    decided: dict[str, tuple[int, list[float]]] = {}
    for message in await read_messages(bus, subjects.DECISIONS, subjects.decision_log(tier)):
        event = event_decoder.decode(message.data)
        prompt = (event.metadata or {})["prompt"]
        probabilities = [score.probability for score in event.scores]
        decided[str(DecisionId(tier, message.sequence, event.nonce))] = prompt, probabilities
    columns = {"reward": world.rewards(), "quality": world.quality, "cost": world.cost_usd}
    truth: dict[str, dict[str, float]] = {}
    for shadow in SHADOWS:
        differences: dict[str, dict[str, float]] = {name: {} for name in columns}
        for message in await read_messages(bus, subjects.SHADOW, subjects.shadow(shadow, tier)):
            would = shadow_decoder.decode(message.data)
            prompt, p = decided[would.decision_id]
            for name, table in columns.items():
                differences[name][would.decision_id] = float(np.subtract(would.probabilities, p) @ table[prompt])
        assert all(len(found) == PROMPTS for found in differences.values())
        truth[shadow] = {name: sum(found.values()) / PROMPTS for name, found in differences.items()}
    await bus.close()
    return truth


async def report_of(routed: Routed) -> dict[str, dict[str, Any]]:
    async with httpx.AsyncClient(base_url=routed.gateway.url, timeout=20.0) as client:
        report = (await client.get("/v1/shadow/report", params={"tier": routed.tier})).json()
    return {policy["policy"]: policy for policy in report["policies"]}


async def test_every_interval_of_every_shadow_holds_the_truth(routed: Routed, nats_url: str) -> None:
    """The intervals that hold at every look have held in each of 2,000 lives simulated with the same code."""
    truth = await true_differences(nats_url, routed.tier, routed.world)
    policies = await report_of(routed)
    assert set(policies) == set(SHADOWS)
    for name, policy in policies.items():
        for outcome in ("reward", "quality", "cost"):
            shown = policy[f"{outcome}_delta"]
            always = shown["always_valid"]
            assert always["low"] <= truth[name][outcome] <= always["high"], (name, outcome, truth[name], shown)
            assert always["low"] < shown["low"] < shown["estimate"] < shown["high"] < always["high"]
        assert 0.2 < policy["rewarded_share"] < 0.4
        assert policy["why"]


async def test_no_shadow_is_recommended_that_earns_less(routed: Routed, nats_url: str) -> None:
    truth = await true_differences(nats_url, routed.tier, routed.world)
    for name, policy in (await report_of(routed)).items():
        assert policy["verdict"] != "promote" or truth[name]["reward"] > 0.0, policy
        assert policy["verdict"] != "do not promote" or truth[name]["reward"] < 0.5, policy
