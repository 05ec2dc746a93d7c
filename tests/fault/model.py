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


class Scale:
    """The value of cost or latency that counts as 1: the highest of the 99 % quantiles of the arms.

    Of an arm, the last 250 to 500 values count, in blocks of 250; a block of 25 or more ends when the tier has had
    2,500 values since it began. The ⌈n/100⌉ largest of n are dropped. There is no scale before two arms have two values
    each. Arms that are removed are not modelled.
    """

    def __init__(self) -> None:
        self._count = 0
        self._blocks: dict[str, list[tuple[int, list[float]]]] = {}
        self._highs: dict[str, float] = {}

    def norm(self, arm: str, value: float) -> float:
        """Add a value of an arm; return it on the scale, 0 to 1."""
        self._count += 1
        blocks = self._blocks.setdefault(arm, [(self._count, [])])
        began, values = blocks[-1]
        if len(values) == 250 or (len(values) >= 25 and self._count - began > 2_500):
            blocks.append((self._count, []))
        blocks[-1][1].append(value)
        if (high := _high(blocks)) is not None:
            self._highs[arm] = high
        scale = max(self._highs.values()) if len(self._highs) > 1 else 0.0
        return min(1.0, value / scale) if scale > 0.0 else 0.0


def _high(blocks: list[tuple[int, list[float]]]) -> float | None:
    window = sorted(value for _, values in blocks[-2:] for value in values)
    return window[-1 - math.ceil(len(window) / 100)] if len(window) > 1 else None


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
    _cost: Scale = field(default_factory=Scale)
    _latency: Scale = field(default_factory=Scale)

    def learn(self, message: Raw) -> None:
        """Take in the next outcome of the tier."""
        outcome = json.loads(message.data)
        if not outcome.get("learn", True) or outcome["decision_sequence"] in self._seen:
            return
        self._seen.add(outcome["decision_sequence"])
        name = f"{outcome['provider']}:{outcome['model']}"
        reward = self._reward(outcome, name)
        x = np.array(outcome["context"], dtype=np.float64)
        arm = self.arms.setdefault(name, ModelArm(np.identity(len(x)), np.zeros(len(x))))
        arm.A += np.outer(x, x)
        arm.b += (reward / 100.0) * x
        arm.n += 1
        self.rewards[message.sequence] = reward
        self.counted[outcome["decision_id"]] = outcome

    def _reward(self, outcome: dict[str, Any], arm: str) -> float:
        if outcome.get("reward") is not None:
            return min(100.0, max(0.0, float(outcome["reward"])))
        quality: float = 50.0 if outcome.get("quality") is None else outcome["quality"]
        if outcome.get("cost_usd") is not None:
            quality -= LAMBDA_COST * 100.0 * self._cost.norm(arm, outcome["cost_usd"])
        if outcome.get("latency_ms") is not None:
            quality -= MU_LATENCY * 100.0 * self._latency.norm(arm, outcome["latency_ms"])
        return min(100.0, max(0.0, quality))


def learn_all(messages: list[Raw], tier: str, poison: set[int]) -> Model:
    """Return what a tier must have learned from the whole log."""
    model = Model()
    for message in messages:
        if message.subject == f"outcomes.{tier}" and message.sequence not in poison:
            model.learn(message)
    return model
