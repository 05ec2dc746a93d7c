"""What must have been learned, computed a second time, plainly: numpy, a set, and the formulas of the documentation."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.fault.raw_log import Raw

LAMBDA_COST, MU_LATENCY = 0.3, 0.1


@dataclass(slots=True)
class ModelArm:
    """Sums of one arm."""

    A: NDArray[np.float64]
    b: NDArray[np.float64]
    n: int = 0


@dataclass(slots=True)
class Model:
    """One tier.

    Attributes
    ----------
    arms : dict of ``provider:model`` to ModelArm
    rewards : dict of outcome sequence to reward, 0 to 100
        Of the outcomes that counted.
    counted : dict of decision id to the outcome that counted
    """

    arms: dict[str, ModelArm] = field(default_factory=dict)
    rewards: dict[int, float] = field(default_factory=dict)
    counted: dict[str, dict[str, Any]] = field(default_factory=dict)
    _seen: set[int] = field(default_factory=set)
    _cost: list[float] = field(default_factory=lambda: [math.inf, -math.inf])
    _latency: list[float] = field(default_factory=lambda: [math.inf, -math.inf])

    def learn(self, message: Raw) -> None:
        """Take in the next outcome of the tier."""
        outcome = json.loads(message.data)
        if not outcome.get("learn", True) or outcome["decision_sequence"] in self._seen:
            return
        self._seen.add(outcome["decision_sequence"])
        reward = self._reward(outcome)
        x = np.array(outcome["context"], dtype=np.float64)
        name = f"{outcome['provider']}:{outcome['model']}"
        arm = self.arms.setdefault(name, ModelArm(np.identity(len(x)), np.zeros(len(x))))
        arm.A += np.outer(x, x)
        arm.b += (reward / 100.0) * x
        arm.n += 1
        self.rewards[message.sequence] = reward
        self.counted[outcome["decision_id"]] = outcome

    def _reward(self, outcome: dict[str, Any]) -> float:
        if outcome.get("reward") is not None:
            return min(100.0, max(0.0, float(outcome["reward"])))
        quality: float = 50.0 if outcome.get("quality") is None else outcome["quality"]
        if outcome.get("cost_usd") is not None:
            quality -= LAMBDA_COST * 100.0 * _norm(self._cost, outcome["cost_usd"])
        if outcome.get("latency_ms") is not None:
            quality -= MU_LATENCY * 100.0 * _norm(self._latency, outcome["latency_ms"])
        return min(100.0, max(0.0, quality))


def learn_all(messages: list[Raw], tier: str, poison: set[int]) -> Model:
    """Return what a tier must have learned from the whole log."""
    model = Model()
    for message in messages:
        if message.subject == f"outcomes.{tier}" and message.sequence not in poison:
            model.learn(message)
    return model


def _norm(seen: list[float], value: float) -> float:
    seen[0], seen[1] = min(seen[0], value), max(seen[1], value)
    return (value - seen[0]) / (seen[1] - seen[0]) if seen[1] > seen[0] else 0.0
