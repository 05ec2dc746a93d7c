"""Everything one tier has learned, as a pure function of its outcomes taken in log order.

The reward-updater, `pointsman audit` and `pointsman rebuild` all go through this class, so they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pointsman.core.bandit.arm import Arm, ArmState
from pointsman.core.bandit.context import conform
from pointsman.core.bandit.errors import ContextError
from pointsman.core.bandit.reward import Ranges, Reward, RewardRule, clamp_reward


@dataclass(slots=True)
class Learner:
    """The arms and the running ranges of one tier.

    Attributes
    ----------
    arms : dict of Arm to ArmState
        An arm appears with its first outcome.
    ranges : Ranges
    """

    arms: dict[Arm, ArmState] = field(default_factory=dict)
    ranges: Ranges = field(default_factory=Ranges)

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
    ) -> Reward:
        """Learn from one outcome, in place.

        Parameters
        ----------
        arm : Arm
        context : sequence of float, length d
        rule : RewardRule
            The rule in force when the outcome was accepted; it is in the log, beside the outcome.
        sequence, at_ms : int
            Where and when the log holds the outcome; kept as the arm's version.
        quality, cost_usd, latency_ms : float, optional
            What came of the request.
        reward : float, optional
            The reward itself, 0 to 100 (clamped); the rule is then asked for its forgetting only.

        Raises
        ------
        ContextError
            When the context's length is not the one the arm was learned with; nothing has changed then.
        """
        state = self.arms.get(arm)
        if not context:
            raise ContextError("expected at least one number")
        x = np.array(conform(context, state.dim if state else len(context)))
        if reward is None:
            earned = self.ranges.reward(rule, quality, cost_usd, latency_ms)
        else:
            earned = Reward(clamp_reward(reward), clamp_reward(reward), None, None)
        if state is None:
            state = self.arms[arm] = ArmState.fresh(x.shape[0])
        state.observe(x, earned.value / 100.0, cost_usd, rule.forgetting)
        state.version = sequence
        state.updated_at_ms = at_ms
        return earned
