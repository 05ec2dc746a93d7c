"""The reward: quality minus weighted cost and latency."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import msgspec

from pointsman.core.bandit.rolling_high import RollingScale
from pointsman.core.bounds import NonNegative, PositiveShare

Normalizer = Literal["quantile", "minmax", "fixed"]
Interval = tuple[float, float]

NEUTRAL_QUALITY = 50.0
"""Quality of an outcome that reports none, as in the reference."""


class RewardSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """``[reward]``: reward = clamp(quality − λ·100·norm(cost) − μ·100·norm(latency), 0, 100).

    Attributes
    ----------
    lambda_cost: λ, the weight of the normalised cost.
    mu_latency: μ, the weight of the normalised latency.
    normalizer: ``quantile``: 1 is the 99 % quantile of the recent outcomes of the arm where that is highest; a single
        outlier changes nothing. ``minmax``: the range of all costs and latencies of the tier so far, as in the
        reference. ``fixed``: the two ranges below.
    cost_bounds_usd: For ``fixed``: the costs in US dollars that are normalised to 0 and to 1.
    latency_bounds_ms: For ``fixed``: the latencies in milliseconds that are normalised to 0 and to 1.
    drift_alarm: Whether a change of an arm's reward, cost or latency that chance does not explain raises an alert, and
        corrects what was learned about the arm.
    """

    lambda_cost: NonNegative = 0.3
    mu_latency: NonNegative = 0.1
    normalizer: Normalizer = "quantile"
    cost_bounds_usd: Interval = (0.0, 0.1)
    latency_bounds_ms: Interval = (0.0, 10_000.0)
    drift_alarm: bool = True

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
    normalizer: As in the configuration. An outcome without this field was accepted when there was only ``minmax``.
    forgetting: γ: the share of the arm's statistics that is kept when it learns from the outcome; 1 forgets nothing.
    """

    # What an absent field of a logged rule means can never change. The default of the configuration may.
    normalizer: Normalizer = "minmax"
    forgetting: PositiveShare = 1.0


class Outlier(NamedTuple):
    """A cost or latency far above all that the tier's arms usually report.

    ``signal``: ``cost_usd`` or ``latency_ms``. ``usual``: the scale before the outcome, in the unit of the signal.
    """

    signal: str
    value: float
    usual: float


class Reward(NamedTuple):
    """A reward and its parts.

    ``value`` is 0 to 100; ``cost_norm`` and ``latency_norm`` are 0 to 1, None where the outcome reports none.
    ``cost_range_usd`` and ``latency_range_ms`` are what was normalised to 0 and to 1; None where there is none yet.
    """

    value: float
    quality: float
    cost_norm: float | None
    latency_norm: float | None
    cost_range_usd: Interval | None = None
    latency_range_ms: Interval | None = None
    outliers: tuple[Outlier, ...] = ()


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

    @property
    def bounds(self) -> Interval:
        """The lowest and the highest value so far."""
        return self._low, self._high

    def observe(self, value: float) -> float:
        """Extend the range to the value, and return its relative position in the range."""
        self._low = min(self._low, value)
        self._high = max(self._high, value)
        span = self._high - self._low
        return (value - self._low) / span if span > 0.0 else 0.0

    def state(self) -> list[float]:
        """Return ``[low, high]``, or an empty list before the first value."""
        return [self._low, self._high] if self._low <= self._high else []


class Signal:
    """What is known of the costs, or of the latencies, of one tier: the state of every normaliser.

    Each value extends all of it, whatever rule is in force, so that a change of the rule needs no history.

    Parameters
    ----------
    name : str
        ``cost_usd`` or ``latency_ms``.
    """

    __slots__ = ("name", "running", "scale")

    def __init__(self, name: str) -> None:
        self.name = name
        self.running = RunningRange()
        self.scale = RollingScale()

    def observe(self, arm: str, value: float, normalizer: Normalizer, bounds: Interval) -> _Normalised:
        """Add a value of an arm and return it normalised; ``bounds`` are those of the normaliser ``fixed``."""
        usual = self.scale.high
        outlier = self.scale.observe(arm, value)
        in_running = self.running.observe(value)
        found = Outlier(self.name, value, usual) if outlier and usual is not None else None
        if normalizer == "minmax":
            return _Normalised(in_running, self.running.bounds, found)
        if normalizer == "quantile":
            high = self.scale.high
            if not high:
                return _Normalised(0.0, None, found)
            return _Normalised(min(value / high, 1.0), (0.0, high), found)
        low, high = bounds
        return _Normalised(min(max((value - low) / (high - low), 0.0), 1.0), bounds, found)


class _Normalised(NamedTuple):
    value: float | None = None
    bounds: Interval | None = None
    outlier: Outlier | None = None


@dataclass(slots=True)
class Ranges:
    """The ranges of the costs and latencies of one tier: the state that rewards depend on, with the outcome."""

    cost: Signal = field(default_factory=lambda: Signal("cost_usd"))
    latency: Signal = field(default_factory=lambda: Signal("latency_ms"))

    def state(self) -> dict[str, list[float]]:
        """Return the state to store.

        ``cost`` and ``latency`` are the running ranges. The other keys, which older versions did not write, are
        ``cost_n``, the number of costs, and ``cost:<provider>:<model>``, the window of an arm; the same for latencies.
        """
        state = {"cost": self.cost.running.state(), "latency": self.latency.running.state()}
        for name, signal in (("cost", self.cost), ("latency", self.latency)):
            if signal.scale.count:
                state[f"{name}_n"] = [float(signal.scale.count)]
            state |= {f"{name}:{arm}": window for arm, window in signal.scale.state()}
        return state

    @classmethod
    def from_state(cls, state: dict[str, list[float]]) -> Ranges:
        """Return the ranges from the result of `state`, also from that of an older version."""
        ranges = cls()
        for name, signal in (("cost", ranges.cost), ("latency", ranges.latency)):
            signal.running = RunningRange(state.get(name))
            signal.scale.count = int(state.get(f"{name}_n", [0.0])[0])
        for key, window in state.items():
            name, colon, arm = key.partition(":")
            if colon:
                (ranges.cost if name == "cost" else ranges.latency).scale.restore(arm, window)
        return ranges

    def reward(
        self,
        rule: RewardSettings,
        quality: float | None,
        cost_usd: float | None,
        latency_ms: float | None,
        arm: str = "",
    ) -> Reward:
        """Extend the ranges by one outcome and return its reward.

        ``clamp(quality − λ·100·norm(cost) − μ·100·norm(latency), 0, 100)``; a part that is None subtracts nothing.

        Parameters
        ----------
        quality : float or None
            0 to 100; `NEUTRAL_QUALITY` for None.
        arm : str
            The arm that the cost and the latency are of, which `RollingScale` keeps apart.
        """
        cost = latency = _Normalised()
        if cost_usd is not None:
            cost = self.cost.observe(arm, cost_usd, rule.normalizer, rule.cost_bounds_usd)
        if latency_ms is not None:
            latency = self.latency.observe(arm, latency_ms, rule.normalizer, rule.latency_bounds_ms)
        base = NEUTRAL_QUALITY if quality is None else quality
        value = base
        if cost.value is not None:
            value -= rule.lambda_cost * 100.0 * cost.value
        if latency.value is not None:
            value -= rule.mu_latency * 100.0 * latency.value
        outliers = tuple(signal.outlier for signal in (cost, latency) if signal.outlier is not None)
        return Reward(clamp_reward(value), base, cost.value, latency.value, cost.bounds, latency.bounds, outliers)
