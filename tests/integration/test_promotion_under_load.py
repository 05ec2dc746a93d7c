"""Switching policies in mid-traffic with three decision replicas: nothing lost, nothing mixed, all switch."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

import httpx
import numpy as np
import pytest

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import decode
from pointsman.contracts.messages.decision import DecisionEvent, event_decoder
from pointsman.contracts.messages.ids import DecisionId
from pointsman.core.bandit import Arm, Estimates, make_policy
from pointsman.runtime.bus import Bus, LogReader, StoredMessage
from pointsman.runtime.bus.policies import Revision, read_history
from pointsman_decision.distribution import HeldBack, compose
from tests.support.fixtures import RELAXED_TIMEOUTS, StartService
from tests.support.gateway_calls import REQUEST
from tests.support.processes import ServiceProcess, http_status
from tests.support.promotion_calls import alerts, promote, put, revert
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

LIVE = {"name": "live", "algorithm": "linucb", "parameters": {"alpha": 1.5, "epsilon": 0.1}}
SHADOWS = [
    {"name": "even", "algorithm": "uniform"},
    {"name": "mini", "algorithm": "static:openai:gpt-4o-mini", "parameters": {"epsilon": 0.2}},
]
REPLICAS = 3
CLIENTS = 12
BETWEEN = 150
"""Decisions between two switches."""
SWITCH_MS = 5000
"""How long a replica may go on with the policy before. It takes milliseconds; this machine may be busy."""


@pytest.fixture(scope="module")
def replicas(start_service: StartService) -> list[ServiceProcess]:
    """The gateway's first start makes the streams; then the replicas."""
    gateway = start_service("gateway", wait_for="/healthz", **RELAXED_TIMEOUTS)
    started = [start_service(f"decision-{at}", **RELAXED_TIMEOUTS) for at in range(REPLICAS)]
    gateway.wait(lambda: http_status(gateway.url + "/readyz") == 200, "/readyz")
    return [gateway, *started]


@pytest.fixture(scope="module")
def client(replicas: list[ServiceProcess]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=replicas[0].url, timeout=20.0) as connected:
        yield connected


class Traffic:
    """Clients that ask for decisions one after the other until they are stopped."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._stop = asyncio.Event()
        self.answers: list[dict[str, object]] = []

    async def run(self) -> None:
        async with httpx.AsyncClient(base_url=self._url, timeout=20.0) as client, asyncio.TaskGroup() as clients:
            for _ in range(CLIENTS):
                clients.create_task(self._ask(client))

    async def more(self, count: int) -> None:
        """Return when so many more are answered."""
        wanted = len(self.answers) + count

        async def answered() -> bool:
            return len(self.answers) >= wanted

        await eventually(answered, f"{count} more decisions", 60.0)

    def stop(self) -> None:
        self._stop.set()

    async def _ask(self, client: httpx.AsyncClient) -> None:
        while not self._stop.is_set():
            answer = await client.post("/v1/decisions", json=REQUEST)
            assert answer.status_code == 200, answer.text
            self.answers.append(answer.json())


async def test_policies_switch_in_mid_traffic(client: httpx.Client, replicas: list[ServiceProcess], bus: Bus) -> None:
    put(client, active=LIVE, shadows=SHADOWS)
    traffic = Traffic(str(client.base_url))
    running = asyncio.create_task(traffic.run())
    await traffic.more(BETWEEN)
    switched: list[int] = []
    for switch in (
        lambda: promote(client, "even"),
        lambda: promote(client, "mini"),
        lambda: revert(client),
        lambda: promote(client, "live"),
        lambda: promote(client, "mini"),
    ):
        answer = await asyncio.to_thread(switch)
        assert answer.status_code == 200, answer.text
        switched.append(answer.json()["version"])
        await traffic.more(BETWEEN)
    traffic.stop()
    await running

    versions = {revision.version: revision for revision in await read_history(bus, "SIMPLE")}
    events = await _events(bus)
    # Nothing is lost: each answer is a decision of the policy, and the one in the log.
    answers = {str(answer["decision_id"]): answer for answer in traffic.answers}
    assert not any(answer["degraded"] for answer in traffic.answers)
    assert len(answers) == len(traffic.answers)
    logged = {str(DecisionId("SIMPLE", message.sequence, event.nonce)): event for message, event in events}
    assert answers.keys() == logged.keys()
    # Nothing is mixed: name, number, parameters and the whole distribution are those of one version.
    for decision_id, event in logged.items():
        _check_of_one_version(event, versions[event.policy_version])
        assert answers[decision_id]["policy_version"] == event.policy_version
        assert answers[decision_id]["propensity"] == event.propensity
    # All of them switch, and none goes back.
    assert {event.policy_version for _, event in events} >= set(switched)
    for version in switched:
        late = [m.at_ms - versions[version].at_ms for m, event in events if event.policy_version < version]
        assert max(late) <= SWITCH_MS
    for replica in replicas[1:]:
        assert _policies_of(replica) == {"live", "even", "mini"}
    sent = await alerts(bus, count=len(switched))
    assert [alert.detail["version"] for alert in sent if alert.detail] == switched


def _only(estimates: Estimates, at: list[int]) -> Estimates:
    """The estimates of some of the candidates."""
    return Estimates(
        arms=tuple(estimates.arms[one] for one in at),
        mean=estimates.mean[:, at],
        width=estimates.width[:, at],
        pulls=estimates.pulls[at],
        cost_usd=estimates.cost_usd[at],
    )


def _check_of_one_version(event: DecisionEvent, revision: Revision) -> None:
    assert revision.policies is not None
    active = revision.policies.active
    assert (event.policy, event.algorithm, event.parameters) == (active.name, active.algorithm, active.parameters)
    assert event.policy_identity == active.identity
    scores = event.scores
    estimates = Estimates(
        arms=tuple(Arm(score.provider, score.model) for score in scores),
        mean=np.array([[score.mean for score in scores]]),
        width=np.array([[score.width for score in scores]]),
        pulls=np.array([score.pulls for score in scores]),
        cost_usd=np.array([np.nan if score.cost_usd is None else score.cost_usd for score in scores]),
    )
    policy = make_policy(active.algorithm, active.parameters)
    held = tuple(map(Arm.parse, event.held_back))
    others = [at for at, arm in enumerate(estimates.arms) if arm not in held]
    held_back = HeldBack(held, _only(estimates, others)) if held else None
    (wanted,) = compose(policy, estimates, estimates.mean, held_back, None).p.tolist()
    assert [score.probability for score in scores] == wanted
    assert event.propensity == wanted[[score.model for score in scores].index(event.model)]


async def _events(bus: Bus) -> list[tuple[StoredMessage, DecisionEvent]]:
    end = (await bus.info(subjects.DECISIONS)).state.last_seq
    reader = LogReader(bus, subjects.DECISIONS, subjects.decision_log("SIMPLE"))
    found: list[StoredMessage] = []

    async def all_read() -> bool:
        found.extend(await reader.next_batch(wait_s=0.5))
        return bool(found) and found[-1].sequence >= end

    await eventually(all_read, "the whole log")
    await reader.close()
    return [(message, decode(event_decoder, message.data)) for message in found]


def _policies_of(replica: ServiceProcess) -> set[str]:
    """Return the policies that a replica has decided with, by its own count."""
    text = httpx.get(replica.url + "/metrics").text
    return set(re.findall(r'pointsman_decisions_total\{[^}]*policy="([^"]+)"[^}]*\}', text))
