"""Public names for policies of your own (``algorithm = "module:Class"``)."""

from pointsman.core.bandit import (
    Cheapest,
    EpsilonGreedy,
    Estimates,
    FloatArray,
    LinUCB,
    Policy,
    Softmax,
    Static,
    Thompson,
    Uniform,
    first_best,
    greedy,
)

__all__ = [
    "Cheapest",
    "EpsilonGreedy",
    "Estimates",
    "FloatArray",
    "LinUCB",
    "Policy",
    "Softmax",
    "Static",
    "Thompson",
    "Uniform",
    "first_best",
    "greedy",
]
