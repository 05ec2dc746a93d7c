"""The distribution that an arm is drawn from, composed in a fixed order.

1. The policy's distribution.
2. The bound on pulls under way: an arm that has reached it keeps a share like that of exploration, and the policy
   chooses among the others.
3. Pins: a conversation keeps its arm.

A step changes only the distribution of the steps before it. What the last step returns is drawn from and logged, so the
propensity is exact whatever the steps did.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pointsman.core.bandit import Arm, Estimates, FloatArray, Policy

KEPT_SHARE = 0.03
"""Share of the decisions, over all candidates, that arms keep at least when they are held back: `1/K` of it for each.

No candidate that the policy may choose gets probability 0, so the log has every arm that a shadow may choose.
"""


class Pin(NamedTuple):
    """The arm that a conversation stays with, and the cost of leaving it, in units of reward (0 to 1)."""

    arm: Arm
    switching_cost: float


class HeldBack(NamedTuple):
    """Candidates that have reached their bound of pulls under way, and the estimates of the others.

    ``arms``: at least one, but not all candidates.
    ``others``: for the same contexts, shape (B, K − H).
    """

    arms: tuple[Arm, ...]
    others: Estimates


class Distribution(NamedTuple):
    """What an arm is drawn from, for B contexts and K candidates.

    ``p``: shape (B, K); each row sums to 1.
    ``stays``: whether the row's conversation keeps its arm, whose probability is then 1. Shape (B,).
    """

    p: FloatArray
    stays: NDArray[np.bool_]


def compose(
    policy: Policy,
    estimates: Estimates,
    ranked: FloatArray,
    held_back: HeldBack | None,
    pins: Sequence[Pin | None] | None,
) -> Distribution:
    """Return the distribution for each of B contexts: policy, bound on pulls under way, pins.

    Parameters
    ----------
    ranked : ndarray, shape (B, K)
        The scores as they are reported, by which a pin is kept or left.
    held_back : HeldBack, optional
        See `hold_back`.
    pins : sequence of length B, optional
        See `pin`.
    """
    p = policy.probabilities(estimates)
    if held_back is not None:
        p = hold_back(policy, estimates.arms, p, held_back)
    if pins is None or not any(pins):
        return Distribution(p, np.zeros(len(p), dtype=np.bool_))
    return pin(estimates.arms, ranked, p, pins)


def hold_back(policy: Policy, arms: tuple[Arm, ...], p: FloatArray, held_back: HeldBack) -> FloatArray:
    """Return p, shape (B, K), without most of the share of the held-back arms.

    With ε the policy's uniform exploration and ``p = ε/K + (1 − ε) q``, each candidate keeps its ε/K, and the rest is
    distributed as the policy would without the held-back arms. A held-back arm that the policy chooses keeps
    `KEPT_SHARE`/K if that is more.
    """
    k, rest = p.shape[1], len(held_back.others.arms)
    each = policy.exploration / k
    held = np.array([arm in held_back.arms for arm in arms])
    kept = np.minimum(p[:, held], max(each, KEPT_SHARE / k))
    weights = np.maximum(policy.probabilities(held_back.others) - policy.exploration / rest, 0.0)
    total = weights.sum(axis=1, keepdims=True)
    weights = np.where(total > 0.0, weights / np.where(total > 0.0, total, 1.0), 1.0 / rest)  # no total: ε is 1
    result = np.empty_like(p)
    result[:, held] = kept
    result[:, ~held] = each + weights * (1.0 - rest * each - kept.sum(axis=1, keepdims=True))
    return result


def pin(arms: tuple[Arm, ...], score: FloatArray, p: FloatArray, pins: Sequence[Pin | None]) -> Distribution:
    """Return p, shape (B, K), with probability 1 for each pinned arm that is good enough.

    A pinned arm is left when the best score, shape (B, K), exceeds its own by more than the switching cost. A pin to an
    arm that is no candidate is ignored.
    """
    p, stays = p.copy(), np.zeros(len(p), dtype=np.bool_)
    for row, pinned in enumerate(pins):
        if pinned is None or pinned.arm not in arms:
            continue
        at = arms.index(pinned.arm)
        if score[row].max() - score[row, at] <= pinned.switching_cost:
            p[row] = 0.0
            p[row, at] = 1.0
            stays[row] = True
    return Distribution(p, stays)
