"""Drift of one arm: tests of its reward, cost and latency, and the correction after an alarm."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, get_args

import msgspec
import numpy as np

from pointsman.core.bandit.arm_state import COST, LATENCY, ONE, PARTS, REWARD, ArmState, FloatArray
from pointsman.core.bandit.drift.correction import scale_part, shift_reward
from pointsman.core.bandit.drift.cusum import Cusum, CusumSettings, natural_log

Signal = Literal["reward", "cost", "latency"]
SIGNALS: Final[tuple[Signal, ...]] = get_args(Signal)
_REWARD, _COST, _LATENCY = range(3)
SETTINGS = (
    CusumSettings(
        threshold=12.0,
        least_change=0.025,
        least_deviation=0.05,
        uncertainty=0.5,
        max_tilt=2.0,
        limit=5.0,
        centred=True,
    ),
    CusumSettings(threshold=18.0, least_change=0.92, least_deviation=0.5, uncertainty=2.0, max_tilt=1.5, limit=4.0),
    CusumSettings(threshold=18.0, least_change=0.75, least_deviation=0.4, uncertainty=2.0, max_tilt=1.5, limit=4.0),
)
"""Of reward (0 to 1), ln cost and ln latency."""
LEAST_PULLS = 10
"""Outcomes that an estimate must rest on for its residual to count."""
LEAST_COST_USD = 1e-7
LEAST_LATENCY_MS = 1.0
"""Values below are as good as 0, which has no logarithm."""


class ArmEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision expected of the arm that it chose; `CandidateScore` describes the fields."""

    mean: float
    width: float
    prior: float
    sigma: float
    pulls: int = 0


class Measured(NamedTuple):
    """What an outcome reports, and when the log accepted it (Unix milliseconds)."""

    cost_usd: float | None
    latency_ms: float | None
    at_ms: int


class Alarm(NamedTuple):
    """A change of an arm that chance does not explain.

    Attributes
    ----------
    before, after: Mean reward (0 to 1; before: as estimated at the decisions), cost in US dollars or latency in
        milliseconds.
    outcomes: Number of outcomes since the change.
    since_ms, at_ms: When the log accepted the first and the last of them, in Unix milliseconds.
    """

    signal: Signal
    before: float
    after: float
    outcomes: int
    since_ms: int
    at_ms: int


@dataclass(slots=True)
class DriftMonitor:
    """Tests of one arm, after each of its outcomes. They use no linear algebra; an alarm does.

    Attributes
    ----------
    cusums: One for each of `SIGNALS`.
    runs: For the low and the high sum of each: the sum of (x, 1, r, q, c, l) and of the amount over the outcomes since
        the sum was 0. The amount is the estimated reward, the cost in US dollars or the latency in milliseconds.
        Shape (6, d + 6).
    least_pulls: Estimates that rest on fewer outcomes are not tested. After a correction, these are the estimates from
        before it.
    alarm: The last one.
    """

    runs: FloatArray
    cusums: tuple[Cusum, Cusum, Cusum] = field(default_factory=lambda: (Cusum(), Cusum(), Cusum()))
    least_pulls: int = LEAST_PULLS
    alarm: Alarm | None = None
    _open: list[bool] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Find which runs are not empty."""
        self._find_open()

    @classmethod
    def fresh(cls, dim: int) -> DriftMonitor:
        """Return the monitor of an arm that was not tested yet."""
        return cls(np.zeros((2 * len(SIGNALS), dim + PARTS + 1)))

    def state(self) -> FloatArray:
        """Return the monitor as numbers to store."""
        alarm = self.alarm
        head = [float(self.least_pulls), *((SIGNALS.index(alarm.signal) + 1, *alarm[1:]) if alarm else (0.0,) * 6)]
        return np.concatenate([head, *(cusum.state() for cusum in self.cusums), self.runs.ravel()])

    @classmethod
    def from_state(cls, state: FloatArray, dim: int) -> DriftMonitor:
        """Return the monitor from the result of `state`."""
        runs = state[-2 * len(SIGNALS) * (dim + PARTS + 1) :].reshape(2 * len(SIGNALS), -1)
        least_pulls, signal, before, after, *times = state[:7].tolist()
        first, second, third = (Cusum(*row) for row in state[7 : len(state) - runs.size].reshape(3, -1).tolist())
        alarm = Alarm(SIGNALS[int(signal) - 1], before, after, *map(int, times)) if signal else None
        return cls(runs.astype(np.float64), (first, second, third), int(least_pulls), alarm)

    def restart(self, pulls: int) -> None:
        """Test the reward again from 0, with estimates that rest on at least so many outcomes."""
        self.least_pulls = max(pulls, LEAST_PULLS)
        self.cusums[_REWARD].restart()
        self.runs[:2] = 0.0
        self._open[:2] = False, False

    def observe(
        self, arm: ArmState, estimate: ArmEstimate, measured: Measured, weights: tuple[float, float]
    ) -> Alarm | None:
        """Test the outcome that the arm has learned from last; correct the arm when that raises an alarm.

        Parameters
        ----------
        weights : tuple of float
            λ and μ of the rewards that the arm learned from.
        """
        row = arm.last
        if estimate.pulls >= self.least_pulls:
            expected = estimate.mean + estimate.prior * (arm.reward_sum / arm.n)
            residual = (row.item(arm.dim + REWARD) - expected) / math.sqrt(1.0 + estimate.width * estimate.width)
            self._test(_REWARD, residual, expected, row, measured.at_ms)
        if measured.cost_usd is not None:
            value = natural_log(max(measured.cost_usd, LEAST_COST_USD))
            self._test(_COST, value, measured.cost_usd, row, measured.at_ms)
        if measured.latency_ms is not None:
            value = natural_log(max(measured.latency_ms, LEAST_LATENCY_MS))
            self._test(_LATENCY, value, measured.latency_ms, row, measured.at_ms)
        # A change of the price explains one of the reward.
        for signal in (_COST, _LATENCY, _REWARD):
            cusum, threshold = self.cusums[signal], SETTINGS[signal].threshold
            if cusum.low > threshold or cusum.high > threshold:
                return self._correct(arm, signal, 2 * signal + (cusum.high > cusum.low), measured.at_ms, weights)
        return None

    def _test(self, signal: int, value: float, amount: float, row: FloatArray, at_ms: int) -> None:
        cusum, runs = self.cusums[signal], self.runs
        cusum.observe(value, amount, SETTINGS[signal], at_ms)
        for at, total in ((2 * signal, cusum.low), (2 * signal + 1, cusum.high)):
            if total:
                run = runs[at]
                run[:-1] += row
                run[-1] += amount
                self._open[at] = True
            elif self._open[at]:
                runs[at] = 0.0
                self._open[at] = False

    def _correct(self, arm: ArmState, signal: int, at: int, now_ms: int, weights: tuple[float, float]) -> Alarm:
        run, amount = self.runs[at, :-1].copy(), float(self.runs[at, -1])
        d, cusum = arm.dim, self.cusums[signal]
        outcomes = float(run[d + ONE])
        if signal == _REWARD:
            before, after = amount / outcomes, float(run[d + REWARD]) / outcomes
            shift_reward(arm, run)
        else:
            before, after = (cusum.total - amount) / (cusum.count - outcomes), amount / outcomes
            scale_part(arm, COST if signal == _COST else LATENCY, run, weights[signal - _COST])
            if signal == _COST and before > 0.0:
                arm.cost_sum_usd = (arm.cost_sum_usd - amount) * (after / before) + amount
        since_ms = cusum.high_since_ms if at % 2 else cusum.low_since_ms
        alarm = Alarm(SIGNALS[signal], before, after, int(outcomes), int(since_ms), now_ms)
        new = list(self.cusums)
        new[signal] = Cusum()
        self.cusums = (new[0], new[1], new[2])
        self.runs[2 * signal : 2 * signal + 2] = 0.0
        self.restart(arm.n)
        self._find_open()
        self.alarm = alarm
        return alarm

    def _find_open(self) -> None:
        self._open = [bool(count) for count in self.runs[:, -PARTS - 1]]
