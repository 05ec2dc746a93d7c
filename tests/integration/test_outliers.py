"""An absurd cost: an alert names it, the other rewards stay as they were, and the log gives the same bytes again."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from pointsman.contracts.config import Config
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import decode, encode
from pointsman.contracts.messages.notices import alert_decoder
from pointsman.contracts.messages.outcome import Outcome, reward_decoder
from pointsman.core.bandit import RewardRule
from pointsman.learning.applied_bits import AppliedBits
from pointsman.learning.ledger import TierLedger, read_outcome
from pointsman.learning.tier_store import TierStore
from pointsman.runtime.bus import Bus, LogReader, ensure_streams
from pointsman.runtime.store.store import Store
from pointsman.runtime.telemetry import metrics
from pointsman_reward_updater.outcome_writer import OutcomeWriter
from tests.support.factories import make_outcome
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

TIER = "OUTLIER"
OUTLIER, COUNT = 30, 40
ARMS = [("cheap", 0.001), ("dear", 0.02)]


@pytest.fixture(scope="module")
def config_toml() -> str:
    return f'[context]\ndim = 2\n[[tier]]\nname = "{TIER}"\narms = ["p:cheap", "p:dear"]\n'


def _outcome(number: int, rule: RewardRule) -> Outcome:
    model, cost_usd = ARMS[number % 2]
    outcome = make_outcome(number, tier=TIER, provider="p", model=model, context=[1.0, 0.5], quality=80.0, rule=rule)
    return msgspec.structs.replace(outcome, cost_usd=100.0 if number == OUTLIER else cost_usd)


async def test_an_outlier_raises_one_alert_and_changes_no_other_reward(bus: Bus, store: Store, config: Config) -> None:
    await ensure_streams(bus, config.nats)
    rule = config.active(config.tier[0]).reward_rule(config.reward)
    for number in range(1, COUNT + 1):
        await bus.append(subjects.outcomes(TIER), encode(_outcome(number, rule)))
    task = asyncio.create_task(OutcomeWriter(bus, store, TIER, config, "test").run())
    try:

        async def all_applied() -> bool:
            return await TierStore(store, TIER).watermark() >= COUNT

        await eventually(all_applied, "every outcome is applied")

        async def alerted() -> bool:
            return await bus.last("ALERTS", subjects.alert("outlier", TIER)) is not None

        await eventually(alerted, "the alert is published")
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    last = await bus.last("ALERTS", subjects.alert("outlier", TIER))
    assert last is not None
    alert = decode(alert_decoder, last.data)
    assert alert.text.startswith("p:cheap: the outcome of decision ")
    assert "has cost_usd $100, 5000 times the highest that is usual in the tier, $0.02; check the unit" in alert.text
    assert alert.detail is not None
    assert (alert.detail["value"], alert.detail["decision_id"]) == (100.0, _outcome(OUTLIER, rule).decision_id)
    assert metrics.outcome_outliers.labels(TIER, "cost_usd")._value.get() == 1

    reader = LogReader(bus, subjects.REWARDS, subjects.rewards(TIER), 1, max_batch=COUNT)
    rewards = [decode(reward_decoder, message.data) for message in await reader.next_batch(wait_s=5.0)]
    await reader.close()
    assert {event.reward for event in rewards[4:] if event.model == "dear"} == {50.0}
    assert [event.reward for event in rewards if event.model == "cheap"][2:].count(50.0) == 1  # the outlier's own
    assert rewards[-1].cost_range_usd == (0.0, 0.02)

    log = LogReader(bus, subjects.OUTCOMES, subjects.outcomes(TIER), 1, max_batch=COUNT)
    ledger = TierLedger(bits=AppliedBits(complete=True))
    for message in await log.next_batch(wait_s=5.0):
        ledger.apply(read_outcome(message.subject, message.data, message.sequence, message.at_ms))
    await log.close()
    assert (await TierStore(store, TIER).changes()).ranges == ledger.learner.state()
