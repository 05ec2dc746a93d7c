"""Interface of graders, and their errors.

::

    GradingError (Exception)
    ├── GraderUnusable     the class cannot be loaded, or has no method ``score``
    └── BadGrade           a grader raised, or returned something that is not a valid grade
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pointsman.contracts.messages.outcome import Attempt
from pointsman.llm.completion import Completion
from pointsman.llm.request import Dialect


@dataclass(frozen=True, slots=True, kw_only=True)
class GradedRequest:
    """The request of an answer that is graded.

    Attributes
    ----------
    dialect: Dialect of the body.
    body: As the client sent it, decoded. Do not change it and never log it.
    client_left: The client disconnected before the end.
    """

    dialect: Dialect = "openai"
    body: Mapping[str, Any] = field(default_factory=dict)
    client_left: bool = False


@dataclass(frozen=True, slots=True)
class Grade:
    """Quality of an answer.

    Attributes
    ----------
    quality: 0 to 100; None when it is unknown.
    parts: Its components, each 0 (bad) to 1 (good); logged with the outcome, not learned from.
    """

    quality: float | None
    parts: Mapping[str, float] = field(default_factory=dict)


class Grader(Protocol):
    """Grades answers. An arm that returned none has quality 0, without a call of the grader.

    It runs in the gateway's event loop, after the client has its answer, so it must take microseconds. A grader that
    takes longer reports its result as feedback.
    """

    def score(self, request: GradedRequest, completion: Completion, attempts: Sequence[Attempt]) -> Grade:
        """Return the grade of an answer.

        The completion has the length and the first 400 characters of the text. ``attempts`` are all tries to have the
        request served, in order.
        """
        ...


class GradingError(Exception):
    """Base of every error raised by :mod:`pointsman.llm.grading`."""


class GraderUnusable(GradingError):
    """The grader that the configuration names cannot be used."""


class BadGrade(GradingError):
    """A grader raised, or returned something that is not a valid grade."""
