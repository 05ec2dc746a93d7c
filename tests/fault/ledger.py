"""The responses that the clients received: the invariants are checked against nothing else."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Values = dict[str, float]


class Decided(NamedTuple):
    """A decision that was answered with 200. Times are Unix seconds."""

    tier: str
    provider: str
    model: str
    propensity: float | None
    degraded: bool
    stale: bool
    asked_at_s: float
    answered_at_s: float


class Reported(NamedTuple):
    """An answer to an outcome."""

    values: Values
    status: int


@dataclass(slots=True)
class Ledger:
    """Everything acknowledged, and every answer that was not one.

    Attributes
    ----------
    decisions : dict of decision id to Decided
    outcomes : dict of decision id to answers
        202 and 200 are acknowledgements.
    statuses : counter of (route, status)
    wrong : list of str
        Answers that the API does not have: any 5xx but 503, a 503 without ``Retry-After``, anything unexpected.
    unanswered : list of float
        When a decision got no answer although the gateway was running (Unix seconds).
    """

    decisions: dict[str, Decided] = field(default_factory=dict)
    outcomes: dict[str, list[Reported]] = field(default_factory=dict)
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    unanswered: list[float] = field(default_factory=list)
    gateway_gone: list[tuple[float, float]] = field(default_factory=list)
    """While the gateway itself was gone, paused or unreachable (Unix seconds)."""
    blind: list[tuple[float, float]] = field(default_factory=list)
    """While nothing could be learned, or no replica could hear of it (Unix seconds)."""

    def add_decision(self, answer: dict[str, Any], asked_at_s: float, answered_at_s: float) -> None:
        self.decisions[answer["decision_id"]] = Decided(
            answer["tier"],
            answer["provider"],
            answer["model"],
            answer["propensity"],
            answer["degraded"],
            answer["stale"],
            asked_at_s,
            answered_at_s,
        )

    def add_outcome(self, decision_id: str, values: Values, status: int) -> None:
        self.outcomes.setdefault(decision_id, []).append(Reported(values, status))

    def acknowledged_decisions(self) -> dict[str, Decided]:
        """Return those that a policy made."""
        return {id_: decided for id_, decided in self.decisions.items() if not decided.degraded}

    def acknowledged_outcomes(self) -> dict[str, list[Values]]:
        """Return the values that were acknowledged, by decision."""
        found = {
            id_: [report.values for report in reports if report.status in (200, 202)]
            for id_, reports in self.outcomes.items()
        }
        return {id_: values for id_, values in found.items() if values}
