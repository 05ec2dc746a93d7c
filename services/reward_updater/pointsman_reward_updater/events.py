"""What the updater tells others: rewards, changed arms, alerts."""

from __future__ import annotations

import time
from collections.abc import Iterable

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import decode, encode
from pointsman.contracts.messages.errors import MessageError
from pointsman.contracts.messages.notices import Alert, ArmsChanged
from pointsman.contracts.messages.outcome import RewardEvent, outcome_decoder, reward_decoder
from pointsman.core.bandit import Arm
from pointsman.learning import Applied
from pointsman.runtime.bus import Bus, read_ack

SERVICE = "reward-updater"
APPEND_TIMEOUT_S = 5.0


async def publish_rewards(bus: Bus, tier: str, applied: Iterable[Applied], complete_through: int) -> None:
    """Append the rewards of a batch and wait until all are stored.

    This comes before the commit: a crash in between repeats some of them, with the same values, and loses none.
    """
    subject = subjects.rewards(tier)
    pending = [
        await bus.requests.send(subject, encode(_reward(tier, item, complete_through)), APPEND_TIMEOUT_S)
        for item in applied
    ]
    for future in pending:
        read_ack(await future)


async def published_through(bus: Bus, tier: str) -> int:
    """Return up to which outcome the stream surely has every reward; a replay need not publish those again."""
    last = await bus.last(subjects.REWARDS, subjects.rewards(tier))
    if last is None:
        return 0
    try:
        reward = decode(reward_decoder, last.data)
        stored = await bus.get(subjects.OUTCOMES, reward.outcome_sequence)
        if stored is None or decode(outcome_decoder, stored.data).decision_id != reward.decision_id:
            return 0  # rewards of a log that is no longer this one
    except MessageError:
        return 0
    return reward.complete_through


async def announce(
    bus: Bus,
    tier: str,
    epoch: str,
    watermark: int,
    as_of_ms: int,
    arms: Iterable[Arm],
    headers: dict[str, str] | None = None,
) -> None:
    """Tell the decision replicas what the store now holds. A notice that is lost costs them a second."""
    notice = ArmsChanged(
        tier=tier,
        epoch=epoch,
        watermark=watermark,
        as_of_ms=as_of_ms,
        arms=[str(arm) for arm in arms],
        committed_at_ms=int(time.time() * 1000),
    )
    await bus.publish(subjects.arms(tier), encode(notice), headers)


async def alert(bus: Bus, kind: str, tier: str, text: str) -> None:
    """Say that a person should look."""
    message = Alert(kind=kind, tier=tier, text=text, service=SERVICE, raised_at_ms=int(time.time() * 1000))
    await bus.append(subjects.alert(kind, tier), encode(message))


def _reward(tier: str, item: Applied, complete_through: int) -> RewardEvent:
    outcome, reward = item.outcome, item.reward
    return RewardEvent(
        decision_id=outcome.decision_id,
        tier=tier,
        provider=outcome.provider,
        model=outcome.model,
        outcome_sequence=item.sequence,
        complete_through=complete_through,
        reward=reward.value,
        quality=reward.quality,
        quality_reported=outcome.quality is not None,
        cost_usd=outcome.cost_usd,
        latency_ms=outcome.latency_ms,
        cost_norm=reward.cost_norm,
        latency_norm=reward.latency_norm,
        propensity=outcome.propensity,
        accepted_at_ms=outcome.accepted_at_ms,
    )
