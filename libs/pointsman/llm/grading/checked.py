"""From the scorer's name to the scorer, with whatever a class from outside gives checked before it is used."""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

from pointsman.contracts.messages.outcome import Attempt
from pointsman.llm.grading.default import DefaultScorer
from pointsman.llm.grading.errors import BadScore, ScorerNotUsable
from pointsman.llm.grading.scorer import Score, ScoredRequest, Scorer
from pointsman.llm.providers.base import Completion

DEFAULT = "default"
MAX_PARTS = 32
MAX_NAME = 64


class CheckedScorer:
    """A scorer whose every score is checked.

    Parameters
    ----------
    scorer : Scorer
    """

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    def score(self, request: ScoredRequest, completion: Completion, attempts: Sequence[Attempt]) -> Score:
        """Return what an answer is worth.

        Raises
        ------
        BadScore
            The scorer raised, or gave something that is no score.
        """
        try:
            score = self._scorer.score(request, completion, attempts)
            quality, parts = score.quality, dict(score.parts)
            if quality is not None:
                quality = float(quality)
            parts = {name: float(value) for name, value in parts.items()}
        except Exception as error:  # somebody else's class may raise anything, and give anything back
            raise BadScore(f"{type(error).__name__}: {error}") from error
        if quality is not None and not 0.0 <= quality <= 100.0:
            raise BadScore(f"quality: expected 0 to 100, got {quality:g}")
        if len(parts) > MAX_PARTS:
            raise BadScore(f"parts: expected at most {MAX_PARTS}, got {len(parts)}")
        for name, value in parts.items():
            if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME:
                raise BadScore(f"parts: expected names of 1 to {MAX_NAME} characters, got {name!r:.80}")
            if not (math.isfinite(value) and 0.0 <= value <= 1.0):
                raise BadScore(f"parts.{name}: expected 0 to 1, got {value:g}")
        return Score(quality, parts)


def make_scorer(name: str, parameters: Mapping[str, Any]) -> Scorer:
    """Return the scorer that the configuration names.

    Parameters
    ----------
    name : str
        ``default``, or ``module:Class``.
    parameters : mapping
        Keyword arguments of the class.

    Raises
    ------
    ScorerNotUsable
    """
    if name == DEFAULT:
        if parameters:
            raise ScorerNotUsable(f"parameters: the scorer {DEFAULT!r} has none")
        return DefaultScorer()
    module, _, attribute = name.partition(":")
    try:
        made = getattr(importlib.import_module(module), attribute)(**parameters)
    except Exception as error:  # somebody else's module may raise anything while it is imported
        raise ScorerNotUsable(f"scorer: cannot make {name}: {type(error).__name__}: {error}") from error
    if not callable(getattr(made, "score", None)):
        raise ScorerNotUsable(f"scorer: {name} has no method 'score'")
    return CheckedScorer(made)
