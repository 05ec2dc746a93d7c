"""The learned state of a tier: a pure function of its outcomes in log order.

The reward-updater, `pointsman audit` and `pointsman rebuild` use this class, so their results are equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pointsman.core.bandit.arm import Arm
from pointsman.core.bandit.arm_state import ArmState, OutcomeParts
from pointsman.core.bandit.context import conform
from pointsman.core.bandit.drift import Alarm, ArmEstimate, DriftMonitor, Measured
from pointsman.core.bandit.errors import ContextError
from pointsman.core.bandit.reward import Ranges, Reward, RewardRule, clamp_reward

_WEIGHTS = "weights"


@dataclass(slots=True)
class Learner:
    """The arms of one tier, and what else its rewards depend on.

    Attributes
    ----------
    arms: An arm is added with its first outcome.
    ranges: The running ranges of cost and latency.
    weights: λ and μ of the rewards in b; None before the first outcome with a rule.
    """

    arms: dict[Arm, ArmState] = field(default_factory=dict)
    ranges: Ranges = field(default_factory=Ranges)
    weights: tuple[float, float] | None = None
    _changed: set[Arm] = field(default_factory=set)
    _alarm: Alarm | None = None

    @classmethod
    def from_state(cls, arms: dict[Arm, ArmState], state: dict[str, list[float]]) -> Learner:
        """Return the learner with these arms and the result of `state`."""
        weights = state.get(_WEIGHTS)
        return cls(arms, Ranges.from_state(state), (weights[0], weights[1]) if weights else None)

    def state(self) -> dict[str, list[float]]:
        """Return what is to be stored in addition to the arms."""
        return self.ranges.state() | ({} if self.weights is None else {_WEIGHTS: list(self.weights)})

    def take_changed(self) -> dict[Arm, ArmState]:
        """Return the arms that changed since the last call."""
        changed = {arm: self.arms[arm] for arm in self.arms if arm in self._changed}
        self._changed.clear()
        return changed

    def take_alarm(self) -> Alarm | None:
        """Return the alarm that the last outcome raised about its arm; None after the first call."""
        alarm, self._alarm = self._alarm, None
        return alarm

    def learn(
        self,
        arm: Arm,
        context: Sequence[float],
        rule: RewardRule,
        *,
        sequence: int,
        at_ms: int,
        quality: float | None = None,
        cost_usd: float | None = None,
        latency_ms: float | None = None,
        reward: float | None = None,
        estimate: ArmEstimate | None = None,
    ) -> Reward:
        """Learn from one outcome, in place.

        The first outcome with other weights of cost or latency changes the rewards that were learned from before it to
        those weights, in all arms (`ArmState.reweigh`).

        Parameters
        ----------
        context : sequence of float, length d
        rule : RewardRule
            The rule in the outcome: the one in force when it was accepted.
        sequence, at_ms : int
            Sequence and time of the outcome in the log; stored as the version of the arm.
        quality, cost_usd, latency_ms : float, optional
            The measured values.
        reward : float, optional
            The reward itself, 0 to 100 (clamped); of the rule only the forgetting is then used.
        estimate : ArmEstimate, optional
            What the decision expected; an outcome without it is not tested for drift.

        Raises
        ------
        ContextError
            When the length of the context is not that of the arm; nothing is changed then.
        """
        self._alarm = None
        state = self.arms.get(arm)
        if not context:
            raise ContextError("expected at least one number")
        x = np.array(conform(context, state.dim if state else len(context)))
        if reward is None:
            earned = self.ranges.reward(rule, quality, cost_usd, latency_ms, str(arm))
            self._reweigh((rule.lambda_cost, rule.mu_latency), sequence)
        else:
            earned = Reward(clamp_reward(reward), clamp_reward(reward), None, None)
        if state is None:
            state = self.arms[arm] = ArmState.fresh(x.shape[0])
        parts = OutcomeParts(earned.quality / 100.0, earned.cost_norm or 0.0, earned.latency_norm or 0.0)
        state.observe(x, earned.value / 100.0, cost_usd, rule.forgetting, parts)
        state.version = sequence
        state.updated_at_ms = at_ms
        if estimate is not None and rule.drift_alarm:
            state.drift = state.drift or DriftMonitor.fresh(state.dim)
            measured = Measured(cost_usd, latency_ms, at_ms)
            self._alarm = state.drift.observe(state, estimate, measured, self.weights or (0.0, 0.0))
        self._changed.add(arm)
        return earned

    def _reweigh(self, weights: tuple[float, float], sequence: int) -> None:
        if self.weights not in (None, weights):
            for state in self.arms.values():
                state.reweigh(*weights)
                state.version = sequence
                if state.drift is not None:
                    state.drift.restart(state.n + 1)  # estimates from before are those of other rewards
            self._changed.update(self.arms)
        self.weights = weights
