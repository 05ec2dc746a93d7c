"""The score by which the model ``auto`` gets its tier: how demanding a request looks, 0 to 1.

A weighted sum of the features of `pointsman.core.features.chat`, cut to 0 and 1:

    score = clamp(Σ wᵢ·xᵢ, 0, 1)

It is the same for the same request, needs no state, and each part of it can be read off. It is not learned: what is
learned is which model of the tier serves best. Whatever extractor makes the contexts, the score is made from the chat
features.
"""

from __future__ import annotations

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
"""w. The bias takes away what the length of the shortest request adds."""


class TierBound(NamedTuple):
    """A tier, and the score that its requests stay below; None for whatever is left."""

    tier: str
    below: float | None


class TierScore:
    """Scores requests, and finds the tier for a score.

    Parameters
    ----------
    bounds : sequence of TierBound
        With rising bounds.
    otherwise : str
        The tier of scores that are below none of them.
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
        """Return the score of a request, 0 to 1.

        Parameters
        ----------
        features : sequence of float, length 12
            Those of `pointsman.core.features.chat`.
        """
        total = math.fsum(w * x for w, x in zip(self.weights, features, strict=True))
        return min(max(total, 0.0), 1.0)

    def tier(self, score: float) -> str:
        """Return the first tier whose bound is above the score."""
        return next((tier for below, tier in self._bounds if score < below), self._otherwise)

    def next_tier(self, score: float, before: str) -> str:
        """Return the tier of a conversation's next turn: that of the score where it is a higher one, else the same.

        Parameters
        ----------
        before : str
            The tier of the turn before; one that ``auto`` does not have (any more) is lower than all.
        """
        tier = self.tier(score)
        return tier if self._rank[tier] > self._rank.get(before, -1) else before
