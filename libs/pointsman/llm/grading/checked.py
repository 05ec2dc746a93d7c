"""Loads the grader that the configuration names, and validates every grade of a user's class."""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

from pointsman.contracts.messages.outcome import Attempt
from pointsman.llm.completion import Completion
from pointsman.llm.grading.default import DefaultGrader
from pointsman.llm.grading.grader import BadGrade, Grade, GradedRequest, Grader, GraderUnusable

DEFAULT = "default"
MAX_PARTS = 32
MAX_NAME = 64


class CheckedGrader:
    """Validates the grades of another grader."""

    def __init__(self, grader: Grader) -> None:
        self._grader = grader

    def score(self, request: GradedRequest, completion: Completion, attempts: Sequence[Attempt]) -> Grade:
        """Return the grade; raise `BadGrade` when the grader raised or returned something that is not a valid grade."""
        try:
            grade = self._grader.score(request, completion, attempts)
            quality, parts = grade.quality, dict(grade.parts)
            if quality is not None:
                quality = float(quality)
            parts = {name: float(value) for name, value in parts.items()}
        except Exception as error:  # a user's class may raise and return anything
            raise BadGrade(f"{type(error).__name__}: {error}") from error
        if quality is not None and not 0.0 <= quality <= 100.0:
            raise BadGrade(f"quality: expected 0 to 100, got {quality:g}")
        if len(parts) > MAX_PARTS:
            raise BadGrade(f"parts: expected at most {MAX_PARTS}, got {len(parts)}")
        for name, value in parts.items():
            if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME:
                raise BadGrade(f"parts: expected names of 1 to {MAX_NAME} characters, got {name!r:.80}")
            if not (math.isfinite(value) and 0.0 <= value <= 1.0):
                raise BadGrade(f"parts.{name}: expected 0 to 1, got {value:g}")
        return Grade(quality, parts)


def make_grader(name: str, parameters: Mapping[str, Any]) -> Grader:
    """Return the grader ``default`` or ``module:Class``, made with the parameters, or raise `GraderUnusable`."""
    if name == DEFAULT:
        if parameters:
            raise GraderUnusable(f"parameters: the scorer {DEFAULT!r} accepts none")
        return DefaultGrader()
    module, _, attribute = name.partition(":")
    try:
        made = getattr(importlib.import_module(module), attribute)(**parameters)
    except Exception as error:  # importing a user's module may raise anything
        raise GraderUnusable(f"scorer: cannot load {name}: {type(error).__name__}: {error}") from error
    if not callable(getattr(made, "score", None)):
        raise GraderUnusable(f"scorer: {name} has no method 'score'")
    return CheckedGrader(made)
