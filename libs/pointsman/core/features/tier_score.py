"""Tier selection for the model ``auto``: the difficulty of a request, 0 to 1.

The difficulty is a weighted sum of the features of `pointsman.core.features.chat`:

    difficulty = clamp(Σ wᵢ·xᵢ, 0, 1)

It is deterministic, without state, and every part of it can be shown. It is not learned: what is learned is which
model of the tier serves best. It uses the chat features even if another extractor computes the contexts.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pointsman.core.features.chat import CHAT_NAMES

TIER_WEIGHTS: Mapping[str, float] = {
    "bias": -0.15,
    "tokens": 0.45,
    "turns": 0.05,
    "tools": 0.15,
    "agentic": 0.35,
    "streaming": 0.0,
    "form": 0.05,
    "code": 0.25,
    "risk": 0.2,
    "question": -0.05,
    "reasoning": 0.4,
    "numbers": 0.1,
}
"""w. The bias compensates for the length of the shortest request."""


class TierBound(NamedTuple):
    """A tier, and the upper limit of the difficulty of its requests (exclusive); None for no limit."""

    tier: str
    below: float | None


class TierScore:
    """Computes the difficulty of requests and selects their tier.

    Parameters
    ----------
    bounds : sequence of TierBound
        In ascending order.
    otherwise : str
        The tier of requests that are below no bound.
    weights : mapping, optional
        Weights that replace those of `TIER_WEIGHTS`, by name.
    """

    def __init__(self, bounds: Sequence[TierBound], otherwise: str, weights: Mapping[str, float] | None = None) -> None:
        self._bounds = [(math.inf if bound.below is None else bound.below, bound.tier) for bound in bounds]
        self._otherwise = otherwise
        rising = [bound.tier for bound in bounds]
        if not bounds or bounds[-1].below is not None:
            rising.append(otherwise)
        self._rank = {tier: rank for rank, tier in enumerate(rising)}
        weights = {**TIER_WEIGHTS, **(weights or {})}
        self.weights = [weights[name] for name in CHAT_NAMES]

    def score(self, features: Sequence[float]) -> float:
        """Return the difficulty of a request, 0 to 1.

        Parameters
        ----------
        features : sequence of float, length 12
            The features of `pointsman.core.features.chat`.
        """
        total = math.fsum(w * x for w, x in zip(self.weights, features, strict=True))
        return min(max(total, 0.0), 1.0)

    def tier(self, score: float) -> str:
        """Return the first tier whose bound is above the difficulty."""
        return next((tier for below, tier in self._bounds if score < below), self._otherwise)

    def next_tier(self, score: float, before: str) -> str:
        """Return the tier of a conversation's next turn: that of the difficulty if it is higher, else the previous one.

        Parameters
        ----------
        before : str
            The tier of the previous turn; a tier that is no longer in ``auto`` is lower than all others.
        """
        tier = self.tier(score)
        return tier if self._rank[tier] > self._rank.get(before, -1) else before
