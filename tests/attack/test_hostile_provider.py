"""One hostile provider: its requests end, all others are served meanwhile, and every decision has its outcome."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.outcome import Outcome, outcome_decoder
from pointsman.runtime.bus import Bus
from tests.attack.hostile_provider import BEGIN, BEHAVIOURS, DONE, ESCAPED, FINISH
from tests.support.fixtures import RELAXED_TIMEOUTS, StartService
from tests.support.loop_calls import read_all
from tests.support.mock_provider import MockProviderProcess
from tests.support.processes import ChildProcess, ServiceProcess, free_port, http_status
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

CONFIG = """
[context]
dim = 3

[llm]
features = "tests.attack.features:Three"
session_ttl_s = 0

[[provider]]
name = "healthy"
kind = "openai"
base_url = "{healthy}/v1"
breaker_failures = 1000000
retries = 0

[[provider]]
name = "hostile"
kind = "openai"
base_url = "{hostile}/v1"
{patience}

[[provider]]
name = "aws"
kind = "bedrock"
base_url = "{hostile}"
region = "eu-west-1"
{patience}

[[provider]]
name = "patient"
kind = "openai"
base_url = "{hostile}/v1"
first_byte_timeout_ms = 30000

[[tier]]
name = "WAIT"
arms = ["patient:m"]

[[tier]]
name = "GOOD"
arms = ["healthy:m"]

[[tier]]
name = "BAD"
arms = ["hostile:m", "healthy:m"]
[tier.policy]
algorithm = "static:hostile:m"

[[provider]]
name = "claude"
kind = "anthropic"
base_url = "{hostile}"
{patience}

[[tier]]
name = "CLAUDE"
arms = ["claude:m", "healthy:m"]
[tier.policy]
algorithm = "static:claude:m"

[[price]]
provider = "hostile"
input_usd_per_million = 1.0
output_usd_per_million = 1.0

[[tier]]
name = "AWS"
arms = ["aws:m", "healthy:m"]
[tier.policy]
algorithm = "static:aws:m"
"""
PATIENCE = """
breaker_failures = 1000000
retries = 0
first_byte_timeout_ms = 1000
answer_timeout_ms = 1000
idle_timeout_ms = 700
stream_timeout_ms = 4000
max_stream_bytes = 16777216
"""
HEALTHY_REQUESTS = 20
"""Served before a provider that sends nothing is given up after 30 s."""
TIERS = {"frame_": "AWS", "messages_": "CLAUDE"}
"""Behaviours of one dialect, by their prefix, and the tier whose provider has it."""
BOUND_S = 60.0
"""Within this time every request has ended, on a busy machine too; a hostile one would last for ever."""
MAX_GROWTH_MB = 500
"""Growth of the gateway during a batch of at most 24 requests."""
SPECIAL = {name: tier for name in BEHAVIOURS for prefix, tier in TIERS.items() if name.startswith(prefix)}
OTHERS = [name for name in BEHAVIOURS if name not in SPECIAL]
BATCHES = [*(OTHERS[at::9] for at in range(9)), list(SPECIAL)]
numbers = count()


class Way(NamedTuple):
    """How a client asks."""

    tier: str
    path: str
    stream: bool


WAYS = [
    Way("BAD", "/v1/chat/completions", True),
    Way("BAD", "/v1/chat/completions", False),
    Way("BAD", "/v1/messages", True),
    Way("BAD", "/v1/messages", False),
]


class Ended(NamedTuple):
    """A request that has ended."""

    status: int
    decision: str
    body: bytes


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    process, port = ChildProcess("hostile", tmp_path_factory.mktemp("hostile")), free_port()
    process.run([sys.executable, "-m", "tests.attack.hostile_provider", str(port)])
    process.wait(lambda: http_status(f"http://127.0.0.1:{port}/") == 200, "/")
    yield f"http://127.0.0.1:{port}"
    process.kill()


@pytest.fixture(scope="module")
def config_toml(hostile: str, mock_provider: MockProviderProcess) -> str:
    return CONFIG.format(hostile=hostile, healthy=mock_provider.url, patience=PATIENCE)


@pytest.fixture(scope="module")
def gateway(start_service: StartService) -> ServiceProcess:
    keys = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"}
    process = start_service("gateway", wait_for="/healthz", **RELAXED_TIMEOUTS, **keys)
    start_service("decision", **RELAXED_TIMEOUTS)
    process.wait(lambda: http_status(process.url + "/readyz") == 200, "/readyz")
    return process


async def ask(client: httpx.AsyncClient, way: Way, text: str) -> Ended:
    body: dict[str, Any] = {
        "model": f"tier/{way.tier}",
        "stream": way.stream,
        "max_tokens": 100,
        "messages": [{"role": "user", "content": f"{text} {next(numbers)}"}],
    }
    async with client.stream("POST", way.path, json=body) as response:
        received = b"".join([piece async for piece in response.aiter_raw()])
        return Ended(response.status_code, response.headers["x-pointsman-decision-id"], received)


def ways_of(name: str) -> list[Way]:
    tier = SPECIAL.get(name)
    return WAYS if tier is None else [way._replace(tier=tier) for way in WAYS if way.stream]


def check(name: str, way: Way, ended: Ended) -> None:
    """Check that an answer is complete, or ends with one error in the client's dialect."""
    assert ESCAPED.encode() not in ended.body, name
    if ended.status != 200:
        assert json.loads(ended.body)["error"]["message"]
    elif way.stream:
        errors = [line for line in ended.body.splitlines() if line.startswith(b"data: ") and b'"error":' in line]
        complete = b"[DONE]" in ended.body or b"message_stop" in ended.body
        assert len(errors) == (not complete), (name, ended.body[-300:])
        assert complete or json.loads(errors[0].removeprefix(b"data: "))["error"]["message"]


async def check_outcomes(bus: Bus, tier: str, decisions: list[str]) -> list[Outcome]:
    """Wait until each decision has its outcome, and no second one; return all of the tier."""
    outcomes: list[Outcome] = []

    async def all_there() -> bool:
        found = await read_all(bus, subjects.OUTCOMES, subjects.outcomes(tier))
        outcomes[:] = [outcome_decoder.decode(data) for data in found]
        return set(decisions) <= {outcome.decision_id for outcome in outcomes}

    await eventually(all_there, f"outcomes of {tier}")
    assert set(Counter(outcome.decision_id for outcome in outcomes).values()) <= {1}
    return outcomes


def peak_mb(pid: int) -> int:
    """Return the largest resident size since the last call of `reset_peak`."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024


def reset_peak(pid: int) -> int:
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    return peak_mb(pid)


@pytest.mark.parametrize("batch", range(len(BATCHES)))
async def test_a_hostile_provider_harms_only_its_own_requests(
    batch: int, gateway: ServiceProcess, bus: Bus, hostile: str
) -> None:
    asked = [(way, name) for name in BATCHES[batch] for way in ways_of(name)]
    before_mb = reset_peak(gateway.pid)
    async with httpx.AsyncClient(base_url=gateway.url, timeout=BOUND_S) as client:
        waiting = asyncio.ensure_future(ask(client, WAYS[0]._replace(tier="WAIT"), "silent"))
        requests = asyncio.gather(*(ask(client, way, name) for way, name in asked))
        healthy = [await ask(client, WAYS[at % 2]._replace(tier="GOOD"), "yes") for at in range(HEALTHY_REQUESTS)]
        assert not waiting.done()
        ended = await requests
        growth_mb = peak_mb(gateway.pid) - before_mb
        assert growth_mb < MAX_GROWTH_MB
        if "poison" in BATCHES[batch]:
            await asyncio.sleep(0.3)  # until the second response has arrived on a connection that is idle
        after = await asyncio.gather(*(ask(client, WAYS[1], "odd_usage") for _ in range(10)))
        assert (await client.get(hostile)).json() == {"escaped": 0}
        waiting.cancel()
    for (way, name), one in zip(asked, ended, strict=True):
        check(name, way, one)
    for one in after:
        check("odd_usage", WAYS[1], one)
    assert all(one.status == 200 for one in healthy)
    good = await check_outcomes(bus, "GOOD", [one.decision for one in healthy])
    assert {(outcome.learn, outcome.quality) for outcome in good} == {(True, 100.0)}
    for tier in {"BAD", *(way.tier for way, _ in asked)}:
        decisions = [one.decision for one in [*ended, *after] if one.decision.startswith(f"{tier}.")]
        for outcome in await check_outcomes(bus, tier, decisions):
            assert outcome.served is not None
            assert not any(attempt.error for attempt in outcome.served.attempts if attempt.provider == "healthy")


async def test_an_answer_with_odd_usage_is_delivered_unchanged_and_learned_from_with_estimates(
    gateway: ServiceProcess, bus: Bus
) -> None:
    async with httpx.AsyncClient(base_url=gateway.url, timeout=BOUND_S) as client:
        ended = [await ask(client, way, "odd_usage") for way in WAYS]
        metrics = (await client.get("/metrics")).text
    assert all(one.status == 200 for one in ended)
    sent = [b"".join(BEHAVIOURS["odd_usage"](way.stream)) for way in WAYS[:2]]
    assert ended[1].body == sent[1].partition(b"\r\n\r\n")[2]
    assert b"".join([BEGIN, FINISH, DONE]) == ended[0].body  # the usage was requested by the gateway only
    wanted = {one.decision for one in ended}
    outcomes = [one for one in await check_outcomes(bus, "BAD", list(wanted)) if one.decision_id in wanted]
    for outcome in outcomes:
        assert (outcome.provider, outcome.learn, outcome.quality) == ("hostile", True, 100.0)
        assert outcome.cost_usd is not None
        assert 0.0 < outcome.cost_usd < 0.001
        assert outcome.served is not None
        assert outcome.served.tokens_estimated
    for reason in ("negative", "too_large"):
        assert f'pointsman_llm_usage_faults_total{{provider="hostile",reason="{reason}"}}' in metrics
