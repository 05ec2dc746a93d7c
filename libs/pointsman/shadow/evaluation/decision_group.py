"""Logged decisions as arrays, built once per batch and shared by all shadow policies."""

from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pointsman.contracts.messages.decision import DecisionEvent
from pointsman.core.bandit import Arm, Estimates, FloatArray
from pointsman.shadow.evaluation.draws import Keys, decision_keys
from pointsman.shadow.periods import HOUR_MS

Rows = NDArray[np.intp]

MAX_COST_USD = 1e6
"""Upper bound of a logged cost, the same as for the cost of an outcome, so that one event cannot dominate a sum."""


class LoggedDecision(NamedTuple):
    """A decision from the log, with its id, its sequence there, and the time at which the log stored it."""

    decision_id: str
    sequence: int
    at_ms: int
    event: DecisionEvent


class Slot(NamedTuple):
    """The hour of a decision (since the Unix epoch), and the identity of the active policy that made it."""

    hour: int
    active: str


class DecisionGroup:
    """Decisions with the same candidates in the same order.

    Attributes
    ----------
    decisions: The B decisions.
    places: Index of each decision in its batch; ascending. Shape (B,).
    names: ``provider:model`` of the candidates. Length K.
    estimates: The logged estimates; every array has shape (B, K).
    p: The distribution of the active policy. Shape (B, K).
    chosen: Index of the candidate that was served. Shape (B,).
    model: The logged means clipped to 0…1, as predictions of reward and of quality. Shape (B, K).
    sequences: Sequence of each decision in the log. Shape (B,).
    keys: See `decision_keys`. Shape (B, 2).
    slots: The distinct slots of the decisions.
    slot_of: Index into `slots`. Shape (B,).
    """

    def __init__(self, arms: tuple[Arm, ...], decisions: Sequence[LoggedDecision], places: Sequence[int]) -> None:
        self.decisions = decisions
        self.places = np.array(places, dtype=np.intp)
        self.names = [str(arm) for arm in arms]
        self.sequences = np.array([decision.sequence for decision in decisions], dtype=np.int64)
        self.keys: Keys = decision_keys([decision.decision_id for decision in decisions])
        b, k = len(decisions), len(arms)
        flat = [
            number
            for decision in decisions
            for s in decision.event.scores
            for number in (s.mean, s.width, s.probability, s.pulls, s.cost_usd, s.prior, s.sigma)
        ]
        columns = np.array(flat, dtype=np.float64).reshape(b, k, 7)  # None becomes NaN
        mean, width, p, pulls, cost, prior, sigma = (np.ascontiguousarray(columns[:, :, at]) for at in range(7))
        self.estimates = Estimates(arms, mean, width, np.minimum(pulls, 2.0**53).astype(np.int64), cost, prior, sigma)
        index = {arm: at for at, arm in enumerate(arms)}
        events = [decision.event for decision in decisions]
        self.chosen: Rows = np.array([index[Arm(event.provider, event.model)] for event in events], dtype=np.intp)
        # A replica writes the same number twice, but only the propensity was validated to be above 0.
        p[np.arange(b), self.chosen] = [event.propensity for event in events]
        self.p = p
        self.model = np.nan_to_num(np.clip(mean, 0.0, 1.0))
        slots = [Slot(decision.at_ms // HOUR_MS, decision.event.policy_identity) for decision in decisions]
        self.slots = list(dict.fromkeys(slots))
        numbers = {slot: at for at, slot in enumerate(self.slots)}
        self.slot_of: Rows = np.array([numbers[slot] for slot in slots], dtype=np.intp)

    def __len__(self) -> int:
        """Return B."""
        return len(self.decisions)

    @property
    def silent(self) -> NDArray[np.bool_]:
        """Whether the candidate had outcomes, and none of them had reported a cost. Shape (B, K)."""
        silent: NDArray[np.bool_] = np.isnan(self.estimates.cost_usd) & (self.estimates.pulls > 0)
        return silent

    @property
    def optimistic(self) -> FloatArray:
        """The logged estimates with the prior mean 1, the highest reward, clipped to 0…1. Shape (B, K).

        So an arm that little is known of is not taken for a bad one.
        """
        return np.nan_to_num(np.clip(self.estimates.expected(1.0), 0.0, 1.0))

    def cost_model(self) -> FloatArray:
        """Return the logged costs as predictions, shape (B, K).

        A row is 0 for all candidates if the cost of one of them is unknown.
        """
        cost = np.minimum(self.estimates.cost_usd, MAX_COST_USD)
        known = np.isfinite(cost).all(axis=1, keepdims=True)
        return np.where(known, cost, 0.0)

    @cached_property
    def encoded_ends(self) -> tuple[list[bytes], list[bytes]]:
        """The first and the last bytes of the events about each decision; the same for all shadows."""
        starts = [
            b'{"decision_id":"%b","tier":"%b"' % (decision.decision_id.encode(), decision.event.tier.encode())
            for decision in self.decisions
        ]
        times = [decision.event.decided_at_ms for decision in self.decisions]
        return starts, [b',"decided_at_ms":%d}' % at_ms if at_ms else b"}" for at_ms in times]

    def by_slot(self, rows: Rows) -> list[tuple[Slot, Rows]]:
        """Split rows of the group by slot."""
        if len(self.slots) == 1:
            return [(self.slots[0], rows)] if len(rows) else []
        slots = self.slot_of[rows]
        return [(slot, rows[slots == at]) for at, slot in enumerate(self.slots) if (slots == at).any()]


def group_decisions(decisions: Sequence[LoggedDecision]) -> list[DecisionGroup]:
    """Group the decisions of a batch by their candidates.

    Decisions in which a conversation kept its arm are left out: no policy chose there.
    """
    places: defaultdict[tuple[tuple[str, str], ...], list[int]] = defaultdict(list)
    for at, decision in enumerate(decisions):
        if not decision.event.pinned:
            places[tuple([(score.provider, score.model) for score in decision.event.scores])].append(at)
    return [
        DecisionGroup(tuple(Arm(*names) for names in candidates), [decisions[at] for at in found], found)
        for candidates, found in places.items()
    ]


def select(estimates: Estimates, rows: Rows) -> Estimates:
    """Return the estimates of n rows; every array has shape (n, K)."""
    return Estimates(
        estimates.arms,
        estimates.mean[rows],
        estimates.width[rows],
        estimates.pulls[rows],
        estimates.cost_usd[rows],
        estimates.prior[rows],
        estimates.sigma[rows],
    )
