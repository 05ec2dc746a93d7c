"""What a reward was made from. The stream of rewards is in the order of their outcomes: one is found by bisection."""

from __future__ import annotations

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import decode
from pointsman.contracts.messages.errors import MessageError
from pointsman.contracts.messages.outcome import RewardEvent, reward_decoder
from pointsman.core.bandit import RewardRule
from pointsman.runtime.bus import Bus
from pointsman_gateway.api.views import RewardParts


async def find_reward(bus: Bus, tier: str, outcome_sequence: int, timeout_s: float) -> RewardEvent | None:
    """Return the event of an outcome's reward; None when it is not there any more, or not in its place.

    After a crash a few rewards are there twice, and in between those the order is not kept.

    Raises
    ------
    BusUnavailable
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
    """Return what was added and taken away, in points of reward."""
    return RewardParts(
        quality=event.quality,
        cost=None if event.cost_norm is None else rule.lambda_cost * 100.0 * event.cost_norm,
        latency=None if event.latency_norm is None else rule.mu_latency * 100.0 * event.latency_norm,
        cost_norm=event.cost_norm,
        latency_norm=event.latency_norm,
    )
