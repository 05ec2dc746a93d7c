"""Drawing an arm from a policy's distribution with one uniform number, which is logged."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pointsman.core.bandit.arm_state import FloatArray


class Draw(NamedTuple):
    """Index of the drawn candidate, and whether the uniform exploration part of the distribution drew it."""

    candidate: int
    explored: bool


def sample(probabilities: FloatArray | list[float], exploration: float, u: float) -> Draw:
    """Draw one candidate from ``p = ε/K + (1 − ε) q``.

    The unit interval is divided into ``[0, ε)`` in K equal cells for exploration, then q. An ε-greedy policy therefore
    explores exactly when ``u < ε``, as the reference does with its first draw. The propensity is the whole probability
    p of the candidate, however it was drawn.

    Parameters
    ----------
    probabilities : sequence of float, length K
        p; sums to 1.
    exploration : float
        ε, the share of p that is uniform over the candidates.
    u : float
        Uniform on [0, 1). The same u gives the same candidate.
    """
    k = len(probabilities)
    if u < exploration:
        return Draw(min(int(u / exploration * k), k - 1), True)
    floor = exploration / k
    reached = exploration
    last = 0
    # Iterating over a list is several times faster than over an array.
    for index, p in enumerate(probabilities if isinstance(probabilities, list) else probabilities.tolist()):
        mass = p - floor
        if mass > 0.0:
            reached += mass
            last = index
            if u < reached:
                return Draw(index, False)
    return Draw(last, False)  # u is in the rounding error below 1


def sample_rows(
    probabilities: FloatArray, exploration: float, draws: FloatArray
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Draw one candidate for each of B distributions at once, with the same result as `sample`.

    Parameters
    ----------
    probabilities : ndarray, shape (B, K)
    draws : ndarray, shape (B,)
        Each uniform on [0, 1).

    Returns
    -------
    candidate, explored : ndarray, shape (B,)
    """
    mass = np.maximum(probabilities - exploration / probabilities.shape[1], 0.0)
    mass[:, 0] += exploration  # the same order of summation as in `sample`, so that results are equal bit for bit
    reached = mass.cumsum(axis=1)
    candidate: NDArray[np.intp] = (draws[:, None] < reached).argmax(axis=1)
    explored = draws < exploration
    for row in (explored | (draws >= reached[:, -1])).nonzero()[0].tolist():  # few
        candidate[row] = sample(probabilities[row], exploration, float(draws[row])).candidate
    return candidate, explored
