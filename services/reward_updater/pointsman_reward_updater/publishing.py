"""The stream of rewards: appended before each commit, and read to continue after a restart."""

from collections.abc import Iterable

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import decode, encode
from pointsman.contracts.messages.errors import MessageError
from pointsman.contracts.messages.outcome import RewardEvent, outcome_decoder, reward_decoder
from pointsman.learning.ledger import Applied
from pointsman.runtime.bus import Bus, read_ack

SERVICE = "reward-updater"
APPEND_TIMEOUT_S = 5.0


async def publish_rewards(bus: Bus, tier: str, applied: Iterable[Applied], complete_through: int) -> None:
    """Append the rewards of a batch and wait until all are stored.

    It is called before the commit: a crash in between repeats some rewards, with the same values, and loses none.

    ``complete_through``: outcome sequence up to which all rewards are stored already.
    """
    subject = subjects.rewards(tier)
    pending = [
        await bus.requests.send(subject, encode(_reward(tier, item, complete_through)), APPEND_TIMEOUT_S)
        for item in applied
    ]
    for future in pending:
        read_ack(await future)


async def rewards_complete_through(bus: Bus, tier: str) -> int:
    """Return the outcome sequence up to which all rewards are stored; a replay need not publish those again."""
    last = await bus.last(subjects.REWARDS, subjects.rewards(tier))
    if last is None:
        return 0
    try:
        reward = decode(reward_decoder, last.data)
        stored = await bus.get(subjects.OUTCOMES, reward.outcome_sequence)
        if stored is None or decode(outcome_decoder, stored.data).decision_id != reward.decision_id:
            return 0  # the rewards belong to another log
    except MessageError:
        return 0
    return reward.complete_through


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
        cost_range_usd=reward.cost_range_usd,
        latency_range_ms=reward.latency_range_ms,
        propensity=outcome.propensity,
        accepted_at_ms=outcome.accepted_at_ms,
    )
