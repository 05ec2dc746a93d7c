"""What a scorer is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pointsman.contracts.messages.outcome import Attempt
from pointsman.llm.providers.base import Completion, Dialect


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredRequest:
    """The request that an answer is judged by.

    Attributes
    ----------
    dialect : {"openai", "anthropic"}
        What the body is written in.
    body : mapping
        As the client sent it, decoded; not to be changed, and never to be logged.
    client_left : bool
        The client did not wait for the end.
    """

    dialect: Dialect = "openai"
    body: Mapping[str, Any] = field(default_factory=dict)
    client_left: bool = False


@dataclass(frozen=True, slots=True)
class Score:
    """What a scorer makes of an answer.

    Attributes
    ----------
    quality : float or None
        0 to 100; None when there is no saying.
    parts : mapping of str to float
        What it was made from, each 0 (bad) to 1 (good); logged with the outcome, not learned from.
    """

    quality: float | None
    parts: Mapping[str, float] = field(default_factory=dict)


class Scorer(Protocol):
    """Judges answers that came; an arm that gave none has quality 0, and no scorer is asked.

    It is called in the gateway's event loop, once the client has its answer, so it must take microseconds: whatever
    takes longer is to be told as feedback.
    """

    def score(self, request: ScoredRequest, completion: Completion, attempts: Sequence[Attempt]) -> Score:
        """Return what an answer is worth.

        Parameters
        ----------
        request : ScoredRequest
        completion : Completion
            What is known of the answer; of its text, the length and the first 400 characters.
        attempts : sequence of Attempt
            All tries to have the request served, in order.
        """
        ...
