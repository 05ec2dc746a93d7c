"""The learned state of a tier: a pure function of its outcomes in log order.

The reward-updater, `pointsman audit` and `pointsman rebuild` use this class, so their results are equal.
"""

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
    arms: An arm is added with its first outcome.
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
        context : sequence of float, length d
        rule : RewardRule
            The rule in the outcome: the one in force when it was accepted.
        sequence, at_ms : int
            Sequence and time of the outcome in the log; stored as the version of the arm.
        quality, cost_usd, latency_ms : float, optional
            The measured values.
        reward : float, optional
            The reward itself, 0 to 100 (clamped); of the rule only the forgetting is then used.

        Raises
        ------
        ContextError
            When the length of the context is not that of the arm; nothing is changed then.
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
