"""Recorded picks and updates over HTTP through the real services, with two decision replicas."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pointsman.cli.devtools.demo.learned import wait_learned
from pointsman.cli.devtools.replay.recording import (
    ExpectedArm,
    Pick,
    Recording,
    ReplayStep,
    Update,
    arrange,
    read_recording,
)
from pointsman.cli.devtools.replay.runner import ReplayFailed, ReplayResult, replay
from pointsman.cli.gateway import GatewayClient
from tests.support.fixtures import StartService
from tests.support.processes import http_status
from tests.support.repository import ROOT

pytestmark = pytest.mark.integration

GOLDEN = ROOT / "tests" / "golden" / "linucb_greedy_trace.json"
CONFIG_TOML = """
[context]
dim = 12
mismatch = "pad"

[policy]
algorithm = "linucb"
epsilon = 0.0

[[tier]]
name = "SIMPLE"
arms = ["ollama:llama3.2"]

[[tier]]
name = "COMPLEX"
arms = ["openai:gpt-5"]

[[tier]]
name = "OWN"
arms = ["p:one", "p:two"]
"""


@pytest.fixture(scope="module")
def config_toml() -> str:
    return CONFIG_TOML


@pytest.fixture(scope="module")
def gateway_url(start_service: StartService) -> str:
    gateway = start_service("gateway", wait_for="/healthz")  # it makes the streams that the others wait for
    for name in ("reward_updater", "decision", "decision-2"):
        start_service(name)
    gateway.wait(lambda: http_status(gateway.url + "/readyz") == 200, "/readyz")
    return gateway.url


async def arms_of(url: str, tier: str) -> dict[str, dict[str, Any]]:
    async with GatewayClient(url) as gateway:
        arms = (await gateway.get(f"/v1/arms?tier={tier}&matrices=true")).json()["arms"]
    return {f"{arm['provider']}:{arm['model']}": arm for arm in arms}


async def test_the_reference_trace_gives_the_same_picks_and_the_same_matrices_over_http(gateway_url: str) -> None:
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    result = await replay(gateway_url, read_recording(GOLDEN.read_bytes()))
    assert result.differences == []
    assert result.compared == result.picks == sum(event["op"] == "pick" for event in golden["events"])
    assert result.skipped == 0
    learned = {tier: await arms_of(gateway_url, tier) for tier in ("SIMPLE", "COMPLEX")}
    for name, expected in golden["arms"].items():
        tier, _, arm = name.partition("|")
        found = learned[tier].pop(arm)
        assert (found["A"], found["b"], found["n"]) == (expected["A"], expected["b"], expected["count"]), name
    assert not any(learned.values())


def own_recording(first_expected: str) -> Recording:
    """One pick; then an outcome that makes the other arm the better one, known at the very next pick, fifty times."""
    context = [1.0, *[0.0] * 11]
    events: list[Pick | Update] = [
        Pick(tier="OWN", context=context, expect=ExpectedArm(provider="p", model=first_expected)),
        Update(tier="OWN", quality=0.0),
    ]
    for at in range(50):
        # α√(xᵀA⁻¹x) falls with every outcome, so with rewards of 0 the arms take turns.
        expected = "two" if at % 2 == 0 else "one"
        events += [
            Pick(tier="OWN", context=context, expect=ExpectedArm(provider="p", model=expected)),
            Update(tier="OWN", quality=0.0),
        ]
    return arrange(events)


async def test_each_pick_knows_every_update_before_it_whichever_replica_answers(gateway_url: str) -> None:
    before = sum(arm["n"] for arm in (await arms_of(gateway_url, "OWN")).values())
    result = await replay(gateway_url, own_recording("one" if before % 2 == 0 else "two"))
    assert result.differences == []
    assert (result.picks, result.updates) == (51, 51)
    assert sum(arm["n"] for arm in (await arms_of(gateway_url, "OWN")).values()) == before + 51


async def test_a_choice_that_differs_is_reported_and_its_update_left_out(gateway_url: str) -> None:
    context = [1.0, *[0.0] * 11]
    step = ReplayStep(
        7,
        Pick(tier="OWN", context=context, expect=ExpectedArm(provider="p", model="three")),
        Update(tier="OWN", provider="p", model="three", reward=50.0),
    )
    result: ReplayResult = await replay(gateway_url, Recording([step], 0))
    assert [(each.event, each.expected) for each in result.differences] == [(7, "p:three")]
    assert (result.updates, result.skipped) == (0, 1)


async def test_many_at_a_time_send_every_event_and_compare_none(gateway_url: str) -> None:
    before = sum(arm["n"] for arm in (await arms_of(gateway_url, "OWN")).values())
    recording = own_recording("three")
    result = await replay(gateway_url, recording, concurrency=8)
    assert (result.picks, result.updates, result.compared) == (51, 51, 0)
    async with GatewayClient(gateway_url) as gateway:
        learned = await wait_learned(gateway, "OWN", before + 51, timeout_s=20.0)
    assert learned.outcomes == before + 51


async def test_an_event_that_the_gateway_refuses_is_named(gateway_url: str) -> None:
    with pytest.raises(ReplayFailed, match=r"event 3: .*tier"):
        await replay(gateway_url, Recording([ReplayStep(3, Pick(tier="NOWHERE", context=[1.0]))], 0))
