"""Logged decisions as arrays, made once for a batch and shared by all shadow policies."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pointsman.contracts.messages.decision import DecisionEvent
from pointsman.core.bandit import Arm, Estimates, FloatArray
from pointsman.shadow.evaluation.draws import Keys, decision_keys
from pointsman.shadow.sums.hour_sums import HOUR_MS, comparison_identity

Rows = NDArray[np.intp]

MAX_COST_USD = 1e6
"""What an outcome's cost may be at most, too: a larger one, that nobody was told, would drown all sums."""


class LoggedDecision(NamedTuple):
    """A decision from the log, with the id that its place there gives it, and when the log took it."""

    decision_id: str
    sequence: int
    at_ms: int
    event: DecisionEvent


class Slot(NamedTuple):
    """Which of a policy's sums a decision belongs to."""

    hour: int
    active: str
    """Identity of the policy that made the decision."""

    def key(self, identity: str) -> tuple[str, int]:
        """Return the name of those sums for a policy."""
        return comparison_identity(identity, self.active), self.hour


class DecisionGroup:
    """Decisions among the same candidates, in the same order.

    Attributes
    ----------
    decisions : list of LoggedDecision, length B
    places : ndarray, shape (B,)
        Where each one stands in its batch; ascending.
    names : list of str, length K
        ``provider:model`` of the candidates.
    estimates : Estimates
        As logged; every array of shape (B, K).
    p : ndarray, shape (B, K)
        The active policy's distribution.
    chosen : ndarray, shape (B,)
        The candidate that was served.
    model : ndarray, shape (B, K)
        The logged means, as estimates of reward and of quality: cut to 0…1.
    sequences : ndarray, shape (B,)
    keys : ndarray, shape (B, 2)
        See `decision_keys`.
    slots : list of Slot
        All that occur.
    slot_of : ndarray, shape (B,)
        Index into them.
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
            for number in (s.mean, s.width, s.probability, s.pulls, s.cost_usd)
        ]
        columns = np.array(flat, dtype=np.float64).reshape(b, k, 5)  # None becomes NaN
        mean, width, p, pulls, cost = (np.ascontiguousarray(columns[:, :, at]) for at in range(5))
        self.estimates = Estimates(arms, mean, width, np.minimum(pulls, 2.0**53).astype(np.int64), cost)
        index = {arm: at for at, arm in enumerate(arms)}
        events = [decision.event for decision in decisions]
        self.chosen: Rows = np.array([index[Arm(event.provider, event.model)] for event in events], dtype=np.intp)
        # The same number in every event that a replica wrote; but only the propensity was checked to be above 0.
        p[np.arange(b), self.chosen] = [event.propensity for event in events]
        self.p = p
        self.model = np.nan_to_num(np.clip(mean, 0.0, 1.0))
        found = [Slot(decision.at_ms // HOUR_MS, decision.event.policy_identity) for decision in decisions]
        self.slots = list(dict.fromkeys(found))
        numbers = {slot: at for at, slot in enumerate(self.slots)}
        self.slot_of: Rows = np.array([numbers[slot] for slot in found], dtype=np.intp)
        self._ends: tuple[list[bytes], list[bytes]] | None = None

    def __len__(self) -> int:
        """Return B."""
        return len(self.decisions)

    def cost_model(self) -> FloatArray:
        """Return the logged costs as estimates, shape (B, K); 0 for all candidates while one of them is unknown."""
        cost = np.minimum(self.estimates.cost_usd, MAX_COST_USD)
        known = np.isfinite(cost).all(axis=1, keepdims=True)
        return np.where(known, cost, 0.0)

    def encoded_ends(self) -> tuple[list[bytes], list[bytes]]:
        """Return for each decision how the events about it begin and end; the same for all shadows."""
        if self._ends is None:
            tail = [d.event.decided_at_ms for d in self.decisions]
            self._ends = (
                [
                    b'{"decision_id":"%b","tier":"%b"' % (d.decision_id.encode(), d.event.tier.encode())
                    for d in self.decisions
                ],
                [b',"decided_at_ms":%d}' % at_ms if at_ms else b"}" for at_ms in tail],
            )
        return self._ends

    def by_slot(self, rows: Rows) -> list[tuple[Slot, Rows]]:
        """Split rows of the group by slot."""
        if len(self.slots) == 1:
            return [(self.slots[0], rows)] if len(rows) else []
        slots = self.slot_of[rows]
        return [(slot, rows[slots == at]) for at, slot in enumerate(self.slots) if (slots == at).any()]


def group_decisions(decisions: Sequence[LoggedDecision]) -> list[DecisionGroup]:
    """Return the decisions of a batch by their candidates; without those that no policy chose, but a conversation."""
    places: defaultdict[tuple[tuple[str, str], ...], list[int]] = defaultdict(list)
    for at, decision in enumerate(decisions):
        if not decision.event.pinned:
            places[tuple([(score.provider, score.model) for score in decision.event.scores])].append(at)
    return [
        DecisionGroup(tuple(Arm(*names) for names in candidates), [decisions[at] for at in found], found)
        for candidates, found in places.items()
    ]


def select(estimates: Estimates, rows: Rows) -> Estimates:
    """Return the estimates of some rows; every array of shape (n, K)."""
    return Estimates(
        estimates.arms, estimates.mean[rows], estimates.width[rows], estimates.pulls[rows], estimates.cost_usd[rows]
    )
