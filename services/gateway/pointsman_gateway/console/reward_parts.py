"""Composition of a reward: its quality, cost and latency parts, from the event in the stream REWARDS."""

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import decode
from pointsman.contracts.messages.errors import MessageError
from pointsman.contracts.messages.outcome import RewardEvent, reward_decoder
from pointsman.core.bandit import RewardRule
from pointsman.runtime.bus import Bus
from pointsman_gateway.api.decisions.views import RewardParts


async def find_reward(bus: Bus, tier: str, outcome_sequence: int, timeout_s: float) -> RewardEvent | None:
    """Return the reward event of an outcome, found by bisection: the stream is in the order of the outcomes.

    After a crash, some events are in the stream twice, and those are out of order. An event that cannot be found in
    its place, or that has left the stream, is None.
    """
    subject = subjects.rewards(tier)
    state = (await bus.info(subjects.REWARDS, timeout_s)).state
    low, high = state.first_seq, state.last_seq
    while low <= high:
        middle = (low + high) // 2
        message = await bus.next(subjects.REWARDS, subject, middle, timeout_s)
        if message is None:
            high = middle - 1
            continue
        try:
            event = decode(reward_decoder, message.data)
        except MessageError:
            return None
        if event.outcome_sequence == outcome_sequence:
            return event
        if event.outcome_sequence < outcome_sequence:
            low = message.sequence + 1
        else:
            high = middle - 1
    return None


def reward_parts(event: RewardEvent, rule: RewardRule) -> RewardParts:
    """Return the parts of a reward, in points of reward."""
    return RewardParts(
        quality=event.quality,
        cost=None if event.cost_norm is None else rule.lambda_cost * 100.0 * event.cost_norm,
        latency=None if event.latency_norm is None else rule.mu_latency * 100.0 * event.latency_norm,
        cost_norm=event.cost_norm,
        latency_norm=event.latency_norm,
        normalizer=rule.normalizer,
        cost_range_usd=event.cost_range_usd,
        latency_range_ms=event.latency_range_ms,
    )
