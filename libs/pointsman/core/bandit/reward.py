"""The reward: quality minus weighted cost and latency."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import msgspec

from pointsman.core.bounds import NonNegative, PositiveShare

NEUTRAL_QUALITY = 50.0
"""Quality of an outcome that reports none, as in the reference."""


class RewardSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """``[reward]``: reward = clamp(quality − λ·100·norm(cost) − μ·100·norm(latency), 0, 100).

    Attributes
    ----------
    lambda_cost: λ, the weight of the normalised cost.
    mu_latency: μ, the weight of the normalised latency.
    normalizer: ``minmax``: the range of all costs and latencies of the tier so far. ``fixed``: the two ranges below.
    cost_bounds_usd: For ``fixed``: the costs in US dollars that are normalised to 0 and to 1.
    latency_bounds_ms: For ``fixed``: the latencies in milliseconds that are normalised to 0 and to 1.
    """

    lambda_cost: NonNegative = 0.3
    mu_latency: NonNegative = 0.1
    normalizer: Literal["minmax", "fixed"] = "minmax"
    cost_bounds_usd: tuple[float, float] = (0.0, 0.1)
    latency_bounds_ms: tuple[float, float] = (0.0, 10_000.0)

    def __post_init__(self) -> None:
        """Raise ValueError, which msgspec reports, unless both ranges are finite and not empty."""
        for name in ("cost_bounds_usd", "latency_bounds_ms"):
            low, high = getattr(self, name)
            if not -math.inf < low < high < math.inf:
                raise ValueError(f"{name}: expected [low, high] with low < high, got {[low, high]}")


class RewardRule(RewardSettings, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=False):
    """How an outcome becomes a reward, and how an arm learns from it.

    The outcome log holds the rule that was in force when the outcome was accepted, because what is learned must be a
    pure function of the log.

    Attributes
    ----------
    forgetting: γ: the share of the arm's statistics that is kept when it learns from the outcome; 1 forgets nothing.
    """

    forgetting: PositiveShare = 1.0


class Reward(NamedTuple):
    """A reward and its parts.

    ``value`` is 0 to 100; ``cost_norm`` and ``latency_norm`` are 0 to 1, None where the outcome reports none.
    """

    value: float
    quality: float
    cost_norm: float | None
    latency_norm: float | None


def clamp_reward(value: float) -> float:
    """Return the value clamped to 0…100."""
    return max(0.0, min(100.0, value))


class RunningRange:
    """Min-max over all values so far including the current one, as in the reference.

    The result is 0 for the first value, and while all values are equal.

    Parameters
    ----------
    state : list of float
        ``[low, high]`` from `state`, or empty for a new range.
    """

    def __init__(self, state: list[float] | None = None) -> None:
        self._low, self._high = state or (math.inf, -math.inf)

    def observe(self, value: float) -> float:
        """Extend the range to the value, and return its relative position in the range."""
        self._low = min(self._low, value)
        self._high = max(self._high, value)
        span = self._high - self._low
        return (value - self._low) / span if span > 0.0 else 0.0

    def state(self) -> list[float]:
        """Return ``[low, high]``, or an empty list before the first value."""
        return [self._low, self._high] if self._low <= self._high else []


@dataclass(slots=True)
class Ranges:
    """The running ranges of one tier: the state that rewards depend on in addition to the outcome.

    Both ranges are extended by every outcome that reports a cost or a latency, for any rule, so that a change of the
    rule needs no history.
    """

    cost: RunningRange = field(default_factory=RunningRange)
    latency: RunningRange = field(default_factory=RunningRange)

    def state(self) -> dict[str, list[float]]:
        """Return the state to store."""
        return {"cost": self.cost.state(), "latency": self.latency.state()}

    @classmethod
    def from_state(cls, state: dict[str, list[float]]) -> Ranges:
        """Return the ranges from the result of `state`."""
        return cls(RunningRange(state.get("cost")), RunningRange(state.get("latency")))

    def reward(
        self, rule: RewardSettings, quality: float | None, cost_usd: float | None, latency_ms: float | None
    ) -> Reward:
        """Extend the ranges by one outcome and return its reward.

        ``clamp(quality − λ·100·norm(cost) − μ·100·norm(latency), 0, 100)``; a part that is None subtracts nothing.

        Parameters
        ----------
        quality : float or None
            0 to 100; `NEUTRAL_QUALITY` for None.
        """
        cost_norm = _normalise(self.cost, rule, rule.cost_bounds_usd, cost_usd)
        latency_norm = _normalise(self.latency, rule, rule.latency_bounds_ms, latency_ms)
        base = NEUTRAL_QUALITY if quality is None else quality
        value = base
        if cost_norm is not None:
            value -= rule.lambda_cost * 100.0 * cost_norm
        if latency_norm is not None:
            value -= rule.mu_latency * 100.0 * latency_norm
        return Reward(clamp_reward(value), base, cost_norm, latency_norm)


def _normalise(
    running: RunningRange, rule: RewardSettings, bounds: tuple[float, float], value: float | None
) -> float | None:
    if value is None:
        return None
    in_running = running.observe(value)
    if rule.normalizer == "minmax":
        return in_running
    low, high = bounds
    return min(max((value - low) / (high - low), 0.0), 1.0)
