"""One tier as a replica knows it: the arms' factors, the live policy, and how old all that is."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pointsman.contracts.messages.decision import CandidateScore
from pointsman.contracts.messages.policies import PolicySpec
from pointsman.core.bandit import Arm, ArmStack, Estimates, FloatArray, Policy, Selection, make_policy, sample_rows
from pointsman.learning.reset import RESETTING
from pointsman.learning.tier_store import TierChanges

MAX_SELECTIONS = 256
"""Lists of candidates whose factors are kept ready; requests rarely use more than a few."""


class Choice(NamedTuple):
    """What was drawn for one request, and everything that it was drawn from."""

    arm: Arm
    propensity: float
    explored: bool
    draw: float
    scores: list[CandidateScore]
    pinned: bool = False


class Pin(NamedTuple):
    """The arm that a conversation would stay with, and what leaving it costs, in units of reward (0 to 1)."""

    arm: Arm
    switching_cost: float


class LivePolicy(NamedTuple):
    """The policy that serves, and the version that events name."""

    spec: PolicySpec
    version: int
    policy: Policy
    identity: str

    @classmethod
    def of(cls, spec: PolicySpec, version: int) -> LivePolicy:
        """Build the policy, or raise `PolicyError`."""
        return cls(spec, version, make_policy(spec.algorithm, spec.parameters), spec.identity)


class Tier:
    """Scores requests from memory. Nothing here waits for anything.

    Parameters
    ----------
    name : str
    dim : int
    spec : PolicySpec
        The policy to begin with, version 0: the configuration's.
    prices : mapping of Arm to float
        Expected cost of a call, used for arms that no outcome has told a cost of.
    """

    def __init__(self, name: str, dim: int, spec: PolicySpec, prices: Mapping[Arm, float]) -> None:
        self.name = name
        self.live = LivePolicy.of(spec, 0)
        self.epoch = ""
        self.generation = ""
        self.watermark = 0
        self.as_of_ms = 0
        self.decision_high = 0
        self.loaded = False
        self._stack = ArmStack(dim)
        self._prices = dict(prices)
        self._selections: dict[tuple[Arm, ...], Selection] = {}

    def set_policy(self, version: int, spec: PolicySpec) -> None:
        """Let another policy choose from now on; raises `PolicyError` and keeps the old one when it cannot be built."""
        self.live = LivePolicy.of(spec, version)

    def take(self, changes: TierChanges) -> bool:
        """Take over what the store has learned since this replica last looked; tell whether it was taken.

        A store that is behind what this replica knows of the same log is being made again (it was emptied, or came
        back from an older copy). What is in memory is the better state then, and is kept until the store has
        caught up; its age goes on counting. One that is complete up to a later time all the same was made from
        a log that was put back: the memory is of a log that is no more, and all is read anew at the next look.
        """
        behind = changes.watermark < self.watermark and changes.epoch in ("", self.epoch, RESETTING)
        if self.loaded and behind:
            if changes.epoch == self.epoch and changes.as_of_ms > self.as_of_ms:
                self.epoch = ""
            return False
        anew = (changes.epoch, changes.generation) != (self.epoch, self.generation)
        if anew:
            self._stack.clear()
        for arm, state in changes.arms.items():
            self._stack.put(arm, state)
        if changes.arms or anew:
            self._selections.clear()
        self.epoch, self.generation = changes.epoch, changes.generation
        self.watermark, self.as_of_ms = changes.watermark, changes.as_of_ms
        self.decision_high = max(self.decision_high, changes.decision_high)
        self.loaded = True
        return True

    def age_ms(self) -> int | None:
        """Return how old the state is by this machine's clock; None when no updater has said yet."""
        return max(0, int(time.time() * 1000) - self.as_of_ms) if self.as_of_ms else None

    def choose(
        self,
        candidates: tuple[Arm, ...],
        contexts: Sequence[Sequence[float]],
        pins: Sequence[Pin | None] | None = None,
    ) -> list[Choice]:
        """Draw an arm for each of B contexts with the same candidates, scoring them together.

        Parameters
        ----------
        candidates : tuple of Arm, length K
        contexts : sequence of B sequences of length d
        pins : sequence of B Pin or None, optional
            An arm that is pinned has probability 1, unless the best score exceeds its own by more than its switching
            cost; one that is no candidate is not looked at. Scores are the policy's ``ucb``, as reported.
        """
        policy = self.live.policy
        estimates = self._select(candidates).estimate(np.array(contexts))
        p = policy.probabilities(estimates)
        stays = np.zeros(len(p), dtype=np.bool_)
        if pins is not None and any(pins):
            p = p.copy()
            _pin(policy, estimates, pins, p, stays)
        return _draw(policy, estimates, p, stays)

    def score(self, candidates: tuple[Arm, ...], context: Sequence[float]) -> list[CandidateScore]:
        """Return what the policy sees in each candidate, and draw nothing."""
        policy = self.live.policy
        estimates = self._select(candidates).estimate(np.array([context]))
        return _scores(policy, estimates, policy.probabilities(estimates))[0]

    def _select(self, candidates: tuple[Arm, ...]) -> Selection:
        """Return the factors of these candidates, kept ready for the next time."""
        selection = self._selections.get(candidates)
        if selection is None:
            if len(self._selections) >= MAX_SELECTIONS:
                self._selections.clear()
            selection = self._selections[candidates] = self._stack.select(candidates, self._prices)
        return selection


def _pin(
    policy: Policy, estimates: Estimates, pins: Sequence[Pin | None], p: FloatArray, stays: NDArray[np.bool_]
) -> None:
    """Give pinned arms that are good enough probability 1, in place, and mark their rows.

    Parameters
    ----------
    p : ndarray, shape (B, K)
        Changed.
    stays : ndarray, shape (B,)
        Changed.
    """
    score = estimates.mean + policy.alpha * estimates.width
    for row, pin in enumerate(pins):
        if pin is None or pin.arm not in estimates.arms:
            continue
        at = estimates.arms.index(pin.arm)
        if score[row].max() - score[row, at] <= pin.switching_cost:
            p[row] = 0.0
            p[row, at] = 1.0
            stays[row] = True


def _draw(policy: Policy, estimates: Estimates, p: FloatArray, stays: NDArray[np.bool_]) -> list[Choice]:
    probabilities = p.tolist()
    draws = [random.random() for _ in probabilities]
    chosen, explored = sample_rows(p, policy.exploration, np.array(draws))
    if stays.any():  # nothing is explored where nothing is chosen
        chosen[stays], explored[stays] = p[stays].argmax(axis=1), False
    rows = zip(
        _scores(policy, estimates, p),
        probabilities,
        draws,
        chosen.tolist(),
        explored.tolist(),
        stays.tolist(),
        strict=True,
    )
    return [
        Choice(estimates.arms[at], row[at], by_chance, u, scores, pinned)
        for scores, row, u, at, by_chance, pinned in rows
    ]


def _scores(policy: Policy, estimates: Estimates, p: FloatArray) -> list[list[CandidateScore]]:
    """Return for each of B contexts what the policy sees in each of K candidates."""
    means, widths, probabilities = estimates.mean.tolist(), estimates.width.tolist(), p.tolist()
    pulls, costs = estimates.pulls.tolist(), [None if c != c else c for c in estimates.cost_usd.tolist()]  # noqa: PLR0124  # NaN
    alpha = policy.alpha
    return [
        [
            CandidateScore(
                provider=arm.provider,
                model=arm.model,
                mean=m,
                width=w,
                ucb=m + alpha * w,
                probability=q,
                pulls=n,
                cost_usd=c,
            )
            for arm, m, w, q, n, c in zip(estimates.arms, mean, width, row, pulls, costs, strict=True)
        ]
        for mean, width, row in zip(means, widths, probabilities, strict=True)
    ]
