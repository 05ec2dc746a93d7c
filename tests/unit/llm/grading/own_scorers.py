"""Scorers as somebody else would write them, good and bad."""

from __future__ import annotations

from typing import Any

from pointsman.llm.grading import Score


class Good:
    def __init__(self, quality: float = 50.0) -> None:
        self.quality = quality

    def score(self, request: Any, completion: Any, attempts: Any) -> Score:
        return Score(self.quality, {"polite": 1})


class Unknown:
    def score(self, request: Any, completion: Any, attempts: Any) -> Score:
        return Score(None)


class Raises:
    def score(self, request: Any, completion: Any, attempts: Any) -> Score:
        raise ZeroDivisionError("by zero")


class Gives:
    def __init__(self, what: str) -> None:
        self.what = {
            "nan": Score(float("nan")),
            "much": Score(101.0),
            "text": Score("good"),  # type: ignore[arg-type]
            "nothing": None,
            "part": Score(1.0, {"x": 2.0}),
            "name": Score(1.0, {"": 1.0}),
            "parts": Score(1.0, {str(n): 1.0 for n in range(33)}),
        }[what]

    def score(self, request: Any, completion: Any, attempts: Any) -> Any:
        return self.what


class NoScorer:
    pass
