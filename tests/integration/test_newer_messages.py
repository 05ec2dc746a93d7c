"""Messages of a newer version: every reader of a log waits with an alert until it is upgraded, and skips nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from pointsman.contracts.config import Config
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import Message, encode
from pointsman.contracts.messages.decision import CandidateScore, DecisionEvent
from pointsman.contracts.messages.feedback import PendingOutcome
from pointsman.contracts.messages.outcome import Outcome, RewardEvent
from pointsman.learning.tier_store import TierStore
from pointsman.runtime.bus import Bus, ensure_streams
from pointsman.runtime.store.store import Store
from pointsman.runtime.telemetry import metrics
from pointsman.runtime.worker import TierWorker, WorkerState
from pointsman.shadow.sums.store import ShadowStore
from pointsman_reward_updater.feedback_settler import FeedbackSettler
from pointsman_reward_updater.outcome_writer import OutcomeWriter
from pointsman_shadow_evaluator.decisions.event_publisher import EventPublisher
from pointsman_shadow_evaluator.tier_evaluator import TierEvaluator
from tests.support.factories import make_outcome
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def config_toml() -> str:
    tiers = "".join(f'[[tier]]\nname = "{tier}"\narms = ["p:a"]\n' for tier in ("WRITE", "SETTLE", "DECIDE", "REWARD"))
    return f"[context]\ndim = 2\n{tiers}"


@dataclass(frozen=True)
class Case:
    """A worker, and a log that it reads."""

    tier: str
    worker: type[TierWorker]
    message: type[Message]

    def make(self, bus: Bus, store: Store, config: Config) -> TierWorker:
        tier = config.tier_named(self.tier)
        assert tier is not None
        worker: TierWorker
        if self.worker is TierEvaluator:
            worker = TierEvaluator(bus, store, tier, config, "test", EventPublisher(bus))
        elif self.worker is FeedbackSettler:
            worker = FeedbackSettler(bus, store, self.tier, config, "test")
        else:
            worker = OutcomeWriter(bus, store, self.tier, config, "test")
        worker._halt_check_interval_s = 0.2
        return worker

    def encoded(self, number: int) -> tuple[str, bytes]:
        """Return the subject and a message, in the version that the code has at present."""
        at: dict[str, Any] = {"tier": self.tier, "provider": "p", "model": "a", "context": [1.0, 0.5]}
        outcome = make_outcome(number, **at, quality=60.0)
        if self.message is Outcome:
            return subjects.outcomes(self.tier), encode(outcome)
        if self.message is PendingOutcome:
            return subjects.feedback(self.tier), encode(PendingOutcome(outcome=outcome, wait_ms=0))
        if self.message is RewardEvent:
            reward: dict[str, Any] = {"reward": 60.0, "quality": 60.0, "outcome_sequence": number}
            event = RewardEvent(decision_id=outcome.decision_id, tier=self.tier, provider="p", model="a", **reward)
            return subjects.rewards(self.tier), encode(event)
        score = CandidateScore(provider="p", model="a", mean=0.5, width=1.0, ucb=1.0, probability=1.0)
        decision = DecisionEvent(
            nonce=f"{number:016x}",
            decided_at_ms=1,
            tier=self.tier,
            provider="p",
            model="a",
            policy="live",
            policy_version=1,
            algorithm="linucb",
            policy_identity="live",
            propensity=1.0,
            explored=False,
            state_watermark=0,
            scores=[score],
            context=[1.0, 0.5],
        )
        return subjects.decision_log(self.tier), encode(decision)

    async def reached(self, store: Store) -> int:
        """Return the sequence up to which the log was processed."""
        if self.message is Outcome:
            return await TierStore(store, self.tier).watermark()
        if self.message is PendingOutcome:
            return (await TierStore(store, self.tier).settled()).sequence
        progress = await ShadowStore(store, self.tier).progress()
        return progress.rewards_at if self.message is RewardEvent else progress.watermark


CASES = [
    Case("WRITE", OutcomeWriter, Outcome),
    Case("SETTLE", FeedbackSettler, PendingOutcome),
    Case("DECIDE", TierEvaluator, DecisionEvent),
    Case("REWARD", TierEvaluator, RewardEvent),
]


@contextlib.asynccontextmanager
async def _running(worker: TierWorker) -> AsyncIterator[None]:
    task = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("case", CASES, ids=[case.tier for case in CASES])
async def test_a_reader_waits_for_its_upgrade_and_skips_no_newer_message(
    case: Case, bus: Bus, store: Store, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ensure_streams(bus, config.nats)
    known = case.message.version
    before = (await bus.append(*case.encoded(1))).sequence
    with monkeypatch.context() as upgraded:
        upgraded.setattr(case.message, "version", known + 1)
        subject, data = case.encoded(2)
    assert f'"v":{known + 1}'.encode() in data
    newer = (await bus.append(subject, data)).sequence
    last = (await bus.append(*case.encoded(3))).sequence
    worker = case.make(bus, store, config)
    waits = metrics.waits_for_upgrade.labels(worker.role, case.tier)
    async with _running(worker):

        async def waits_with_an_alert() -> bool:
            return (
                worker.state is WorkerState.WAITING
                and await bus.last("ALERTS", subjects.alert("newer-version", case.tier)) is not None
            )

        await eventually(waits_with_an_alert, "the worker waits")
        await asyncio.sleep(0.5)  # several attempts
        assert f"message version {known + 1} is newer than {known}" in worker.readiness
        assert f"message {newer}" in worker.readiness
        assert await case.reached(store) in (0, before)
        if case.worker is OutcomeWriter:
            assert await case.reached(store) == before
        assert waits._value.get() == 1
        alerts = await bus.subjects("ALERTS", subjects.alert("newer-version", case.tier))
        assert list(alerts.values()) == [1]
        assert (await bus.info("DEAD")).state.messages == 0

        monkeypatch.setattr(case.message, "version", known + 1)

        async def caught_up() -> bool:
            return await case.reached(store) >= last and worker.running

        await eventually(caught_up, "everything is processed after the upgrade")
        assert waits._value.get() == 0
    assert (await bus.info("DEAD")).state.messages == 0
