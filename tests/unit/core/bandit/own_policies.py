"""Policies from outside, as a user would name them by module and class: one good, the others each wrong in one way."""

from __future__ import annotations

import numpy as np

from pointsman.bandit import Estimates, FloatArray, PolicyError


class Softmax:
    """A good one, with a parameter and no uniform part."""

    def __init__(self, temperature: float = 1.0) -> None:
        self.temperature = temperature

    def probabilities(self, estimates: Estimates) -> FloatArray:
        scaled = estimates.mean / self.temperature
        weights: FloatArray = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        return weights


class Fixed:
    """Returns the configured values."""

    def __init__(self, p: object = None, exploration: float = 0.0, alpha: float = 0.0) -> None:
        self.p = p
        self.exploration = exploration
        self.alpha = alpha

    def probabilities(self, estimates: Estimates) -> object:
        return self.p


class Unbuildable:
    """Raises where it is made."""

    def __init__(self) -> None:
        raise RuntimeError("no licence")

    def probabilities(self, estimates: Estimates) -> FloatArray:
        return estimates.mean


class Refusing:
    """Raises the public error with a text of its own."""

    def __init__(self, **parameters: object) -> None:
        raise PolicyError("needs a licence")

    def probabilities(self, estimates: Estimates) -> FloatArray:
        return estimates.mean


class NoPolicy:
    """Has no distribution."""


NOT_A_CLASS = 3
