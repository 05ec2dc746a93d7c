"""Rewards joined with shadow policies: the report's sums equal the logs, whatever happens to the evaluator."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from pointsman.contracts.config import Config
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.decision import Decision
from pointsman.contracts.messages.ids import parse_id
from pointsman.contracts.messages.notices import shadow_decoder
from pointsman.contracts.messages.policies import PolicySpec
from pointsman.core.bandit import RewardRule
from pointsman.learning.ledger import TierLedger
from pointsman.learning.tier_store import encode_arm
from pointsman.runtime.bus import Bus
from pointsman.runtime.store import keys
from pointsman.runtime.store.store import Store
from pointsman.shadow.own_learning.learned_store import LearnedStore
from pointsman.shadow.sums import activity
from pointsman.shadow.sums.hour_sums import UNIFORM_IDENTITY, HourSums, comparison_identity
from pointsman.shadow.sums.store import ShadowStore
from tests.integration.shadow_recomputation import (
    Logs,
    assert_same,
    own_estimates,
    read_logs,
    read_messages,
    recompute,
    recompute_activity,
    recompute_arm,
    recompute_uniform,
)
from tests.support.fixtures import StartService
from tests.support.loop_calls import applied_through, decide, outcome_of, prepare, read_all, report
from tests.support.processes import ServiceProcess
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

StartEvaluator = Callable[[str], ServiceProcess]

TIER = "JOINED"
ARMS = ("p:a", "p:b", "q:c/1.5:free")
CLIP = 12.0

OUTSIDE = """
import numpy as np


class Fussy:
    \"\"\"Cannot do what it has a low opinion of.\"\"\"

    def probabilities(self, estimates):
        if (estimates.width.min(axis=1) > 0.9).any():
            raise LookupError("too little is known")
        return np.full(estimates.mean.shape, 1.0 / estimates.mean.shape[1])
"""

SHADOWS = """
[[shadow]]
name = "greedy"
algorithm = "epsilon-greedy"
epsilon = 0.0

[[shadow]]
name = "uniform"
algorithm = "uniform"

[[shadow]]
name = "some"
algorithm = "linucb"
alpha = 0.2
sample = 0.3

[[shadow]]
name = "fussy"
algorithm = "fussy_policy:Fussy"

[[shadow]]
name = "thrifty"
algorithm = "linucb"
alpha = 0.3
lambda_cost = 1.5

[[shadow]]
name = "hasty"
algorithm = "epsilon-greedy"
epsilon = 0.1
lambda_cost = 0.0
mu_latency = 0.0
forgetting = 0.9
sample = 0.5
"""


@pytest.fixture(scope="module")
def fussy_path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("outside")
    (folder / "fussy_policy.py").write_text(OUTSIDE, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield str(folder)


@pytest.fixture(scope="module")
def config_toml(fussy_path: str) -> str:
    arms = ", ".join(f'"{arm}"' for arm in ARMS)
    return (
        f"[context]\ndim = 3\n[policy]\nalgorithm = 'linucb'\nepsilon = 0.3\n[reward]\nlambda_cost = 0.3\n"
        f'[[tier]]\nname = "{TIER}"\narms = [{arms}]\n{SHADOWS}'
        f"[shadow_evaluator]\nmax_batch = 40\nlease_ms = 300\nweight_clip = {CLIP}\n"
    )


@dataclass(slots=True)
class Loop:
    """The running loop, what was decided, and what has had no outcome yet."""

    bus: Bus
    store: Store
    rng: random.Random
    open: list[Decision]

    async def go_on(self, decisions: int, share: float) -> None:
        """Make decisions, and report the outcomes of a share of all that have none, in any order."""
        for _ in range(decisions):
            context = [1.0, round(self.rng.uniform(-1, 1), 3), round(self.rng.uniform(-1, 1), 3)]
            self.open.append(await decide(self.bus, TIER, context))
        self.rng.shuffle(self.open)
        for _ in range(int(len(self.open) * share)):
            await self.report_outcome(self.open.pop())

    async def report_outcome(self, decision: Decision) -> int:
        """Report an outcome, in one of the forms that it may have."""
        event = await self.bus.get(subjects.DECISIONS, parse_id(decision.decision_id).sequence or 0)
        assert event is not None
        fields: dict[str, float | None] = {
            "quality": round(self.rng.uniform(20, 100), 1),
            "cost_usd": round(self.rng.uniform(0, 0.02), 5),
            "latency_ms": float(self.rng.randrange(100, 3000)),
        }
        if self.rng.random() < 0.2:
            fields = {"quality": None, "reward": round(self.rng.uniform(0, 100), 1)}
        elif self.rng.random() < 0.3:
            fields["cost_usd"] = None
        return await report(self.bus, outcome_of(decision, **fields))

    async def caught_up(self) -> None:
        """Wait until every decision was evaluated and every reward was read."""
        shadow = ShadowStore(self.store, TIER)
        outcome = await self.bus.last(subjects.OUTCOMES, subjects.outcomes(TIER))
        decision = await self.bus.last(subjects.DECISIONS, subjects.decision_log(TIER))
        assert outcome is not None
        assert decision is not None
        await applied_through(self.store, TIER, outcome.sequence)
        reward = await self.bus.last(subjects.REWARDS, subjects.rewards(TIER))
        assert reward is not None

        async def there() -> bool:
            progress = await shadow.progress()
            return progress.watermark >= decision.sequence and progress.rewards_at >= reward.sequence

        await eventually(there, "the evaluator has read both logs")


@pytest.fixture
def start_evaluator(start_service: StartService, config: Config, nats_url: str, fussy_path: str) -> StartEvaluator:
    """Starts an evaluator; a replica and a reward-updater run already."""
    prepare(nats_url, config)
    start_service("decision", POINTSMAN_DECISION_LOG_TIMEOUT_MS="10000", PYTHONPATH=fussy_path)
    start_service("reward_updater", PYTHONPATH=fussy_path)
    return lambda name: start_service(f"shadow_evaluator-{name}", wait_for="/healthz", PYTHONPATH=fussy_path)


async def test_the_sums_equal_the_logs_although_the_evaluator_is_killed_again_and_again(
    bus: Bus, store: Store, config: Config, start_evaluator: StartEvaluator
) -> None:
    loop = Loop(bus, store, random.Random(5), [])
    await loop.go_on(150, share=0.5)  # rewards of decisions that no evaluator has ever seen

    for round_ in range(5):
        evaluator = start_evaluator(str(round_))
        await loop.go_on(60, share=0.25)  # rewards that come late, in another order
        if round_ == 2:
            await report_twice(bus)
        evaluator.kill()
        await loop.go_on(20, share=0.1)
    start_evaluator("last")
    await loop.go_on(20, share=0.3)
    await loop.caught_up()

    logs = await read_logs(bus, TIER)
    active, shadows = config.active(config.tier[0]), config.shadows(config.tier[0])
    assert len(logs.rewards) > 150
    for spec in shadows:
        expected = recompute(config, spec, active, logs, CLIP)
        assert sum(sums.counts["decisions"] for sums in expected.values()) > 50
        assert_same(await hours_of(store, comparison_identity(spec.identity, active.identity)), expected)
    for arm in ARMS:
        found = await hours_of(store, comparison_identity(f"@arm:{arm}", active.identity))
        assert_same(found, recompute_arm(arm, logs))
    assert_same(await hours_of(store, comparison_identity(UNIFORM_IDENTITY, active.identity)), recompute_uniform(logs))
    assert_same(await hours_of(store, activity.HOURS), recompute_activity(logs))
    await assert_published(bus, logs, shadows)
    for spec in shadows:
        if spec.lambda_cost is not None:
            await assert_learned(store, logs, spec, spec.reward_rule(config.reward))


async def report_twice(bus: Bus) -> None:
    """Append rewards that are in the stream already, and an outcome of a decision that has one."""
    for message in (await read_messages(bus, subjects.REWARDS, subjects.rewards(TIER)))[20:40:3]:
        await bus.append(message.subject, message.data)
    outcomes = await read_messages(bus, subjects.OUTCOMES, subjects.outcomes(TIER))
    await bus.append(outcomes[3].subject, outcomes[3].data)


async def hours_of(store: Store, identity: str) -> list[tuple[int, HourSums]]:
    """Return all hours of a policy."""
    found = []
    async for name in store.redis.scan_iter(keys.shadow_hour(TIER, identity, 0)[:-1] + "*"):
        last = name.decode().rpartition(":")[2]
        if last.isdigit() and keys.shadow_hour(TIER, identity, int(last)) == name.decode():
            found += await ShadowStore(store, TIER).read(identity, range(int(last), int(last) + 1))
    return found


async def assert_published(bus: Bus, logs: Logs, shadows: list[PolicySpec]) -> None:
    """Every shadow has a result for each decision that it is run on; one that came twice came as the same."""
    for spec in shadows:
        results = await read_all(bus, subjects.SHADOW, subjects.shadow(spec.name, TIER))
        by_id: dict[str, bytes] = {}
        for data in results:
            assert by_id.setdefault(shadow_decoder.decode(data).decision_id, data) == data
        if spec.sample is None:
            assert by_id.keys() == {decided.id for decided in logs.decisions}


async def assert_learned(store: Store, logs: Logs, spec: PolicySpec, rule: RewardRule) -> None:
    """A and b of a shadow with a rule of its own are those of a plain replay, to the byte."""
    ledgers: list[TierLedger] = []
    own_estimates(logs, rule, ledgers)
    found = await LearnedStore(store, TIER, spec.identity).load()
    (ledger,) = ledgers
    assert found.watermark == ledger.watermark
    assert {arm: encode_arm(state) for arm, state in found.arms.items()} == {
        arm: encode_arm(state) for arm, state in ledger.learner.arms.items()
    }
    assert found.ranges == ledger.learner.state()
