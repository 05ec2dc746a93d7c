"""Scorers as a user would write them, good and bad."""

from __future__ import annotations

from typing import Any

from pointsman.llm.grading.grader import Grade


class Good:
    def __init__(self, quality: float = 50.0) -> None:
        self.quality = quality

    def score(self, request: Any, completion: Any, attempts: Any) -> Grade:
        return Grade(self.quality, {"polite": 1})


class Unknown:
    def score(self, request: Any, completion: Any, attempts: Any) -> Grade:
        return Grade(None)


class Raises:
    def score(self, request: Any, completion: Any, attempts: Any) -> Grade:
        raise ZeroDivisionError("by zero")


class Gives:
    def __init__(self, what: str) -> None:
        self.what = {
            "nan": Grade(float("nan")),
            "much": Grade(101.0),
            "text": Grade("good"),  # type: ignore[arg-type]
            "nothing": None,
            "part": Grade(1.0, {"x": 2.0}),
            "name": Grade(1.0, {"": 1.0}),
            "parts": Grade(1.0, {str(n): 1.0 for n in range(33)}),
        }[what]

    def score(self, request: Any, completion: Any, attempts: Any) -> Any:
        return self.what


class NoScorer:
    pass
