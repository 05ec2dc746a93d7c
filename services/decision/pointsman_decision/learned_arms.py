"""The learned state of a tier's arms in a replica's memory, to score them under other weights of cost and latency."""

from collections.abc import Mapping, Sequence

import numpy as np

from pointsman.contracts.messages.decision import RewardWeights
from pointsman.core.bandit import Arm, ArmStack, ArmState, Selection
from pointsman.core.bandit.arm_state import ONE
from pointsman.learning.tier_store import TierChanges


class LearnedArms:
    """The arms of a tier.

    Attributes
    ----------
    weights: Weights of the rewards that the arms have learned from; None before the first outcome with a rule.
    """

    def __init__(self) -> None:
        self._arms: dict[Arm, ArmState] = {}
        self.weights: RewardWeights | None = None

    def apply_update(self, changes: TierChanges, *, replaced: bool) -> None:
        """Apply what was learned since the last read; ``replaced``: what was learned before no longer counts."""
        if replaced:
            self._arms.clear()
        self._arms |= changes.arms
        weights = changes.ranges.get("weights")
        self.weights = RewardWeights(lambda_cost=weights[0], mu_latency=weights[1]) if weights else None

    def mean_context(self) -> list[float] | None:
        """Return the mean context of the outcomes that were learned from; None before the first."""
        count = sum(float(state.moments[ONE, ONE]) for state in self._arms.values())
        if count <= 0.0:
            return None
        return [float(total) / count for total in np.sum([state.sums[ONE] for state in self._arms.values()], axis=0)]

    def reweighed(
        self, candidates: Sequence[Arm], prices: Mapping[Arm, float], dim: int, weights: RewardWeights
    ) -> Selection:
        """Return the candidates as they would be if all outcomes had been learned from with these weights."""
        stack = ArmStack(dim)
        for arm in candidates:
            if arm in self._arms:
                state = self._arms[arm].copy()
                state.reweigh(weights.lambda_cost, weights.mu_latency)
                stack.put(arm, state)
        return stack.select(candidates, prices)
