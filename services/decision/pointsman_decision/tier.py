"""One tier in a replica's memory: the factors of its arms, its live policy, and their age."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pointsman.contracts.messages.decision import CandidateScore
from pointsman.contracts.messages.policies import PolicySpec
from pointsman.core.bandit import (
    Arm,
    ArmStack,
    Estimates,
    FloatArray,
    Policy,
    Selection,
    make_policy,
    sample_rows,
    scores,
)
from pointsman.learning.reset import RESETTING
from pointsman.learning.tier_store import TierChanges

MAX_SELECTIONS = 256
"""Candidate lists whose factors are cached; requests rarely use more than a few."""


class Choice(NamedTuple):
    """The arm drawn for one request, and the distribution it was drawn from."""

    arm: Arm
    propensity: float
    explored: bool
    draw: float
    scores: list[CandidateScore]
    pinned: bool = False


class Pin(NamedTuple):
    """The arm that a conversation stays with, and the cost of leaving it, in units of reward (0 to 1)."""

    arm: Arm
    switching_cost: float


class LivePolicy(NamedTuple):
    """The live policy, and its version."""

    spec: PolicySpec
    version: int
    policy: Policy
    identity: str

    @classmethod
    def build(cls, spec: PolicySpec, version: int) -> LivePolicy:
        """Build the policy, or raise `PolicyError`."""
        return cls(spec, version, make_policy(spec.algorithm, spec.parameters), spec.identity)


class Tier:
    """Score requests from memory, without I/O.

    ``spec``: the initial policy, version 0: the configured one.
    ``prices``: by arm, the expected cost of a call, used for arms without a reported cost.
    """

    def __init__(self, name: str, dim: int, spec: PolicySpec, prices: Mapping[Arm, float]) -> None:
        self.name = name
        self.live = LivePolicy.build(spec, 0)
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
        """Make another policy live; raise `PolicyError` and keep the present one when it cannot be built."""
        self.live = LivePolicy.build(spec, version)

    def apply_update(self, changes: TierChanges) -> bool:
        """Apply what was learned since the last read; return whether it was applied.

        A store that is behind this replica for the same log is being rebuilt (it was emptied, or restored from an older
        copy). The memory is the better state then, and is kept until the store has caught up; its age grows meanwhile.
        A store that is behind, but complete up to a later time, was learned from a restored older log: the memory
        belongs to a log that no longer exists, and the next read replaces it.
        """
        behind = changes.watermark < self.watermark and changes.epoch in ("", self.epoch, RESETTING)
        if self.loaded and behind:
            if changes.epoch == self.epoch and changes.as_of_ms > self.as_of_ms:
                self.epoch = ""
            return False
        replaced = (changes.epoch, changes.generation) != (self.epoch, self.generation)
        if replaced:
            self._stack.clear()
        for arm, state in changes.arms.items():
            self._stack.put(arm, state)
        if changes.arms or replaced:
            self._selections.clear()
        self.epoch, self.generation = changes.epoch, changes.generation
        self.watermark, self.as_of_ms = changes.watermark, changes.as_of_ms
        self.decision_high = max(self.decision_high, changes.decision_high)
        self.loaded = True
        return True

    def age_ms(self) -> int | None:
        """Return the age of the state by this machine's clock; None before the first commit."""
        return max(0, int(time.time() * 1000) - self.as_of_ms) if self.as_of_ms else None

    def choose(
        self,
        candidates: tuple[Arm, ...],
        contexts: Sequence[Sequence[float]],
        pins: Sequence[Pin | None] | None = None,
    ) -> list[Choice]:
        """Draw an arm for each of B contexts with the same candidates, scoring them together.

        ``candidates`` has length K; ``contexts`` has shape (B, d).
        ``pins`` (length B): a pinned arm has probability 1, unless the best score exceeds its own by more than the
        switching cost; a pin to an arm that is no candidate is ignored. Scores are the policy's ``ucb``, as reported.
        """
        policy = self.live.policy
        estimates = self._select(candidates).estimate(np.array(contexts))
        p, ranked = policy.probabilities(estimates), scores(policy, estimates)
        stays = np.zeros(len(p), dtype=np.bool_)
        if pins is not None and any(pins):
            p = p.copy()
            _pin(estimates.arms, ranked, pins, p, stays)
        return _draw(policy, estimates, ranked, p, stays)

    def score(self, candidates: tuple[Arm, ...], context: Sequence[float]) -> list[CandidateScore]:
        """Return the scores of the candidates, without drawing an arm."""
        policy = self.live.policy
        estimates = self._select(candidates).estimate(np.array([context]))
        return _scores(estimates, scores(policy, estimates), policy.probabilities(estimates))[0]

    def _select(self, candidates: tuple[Arm, ...]) -> Selection:
        """Return the factors of these candidates, cached for later requests."""
        selection = self._selections.get(candidates)
        if selection is None:
            if len(self._selections) >= MAX_SELECTIONS:
                self._selections.clear()
            selection = self._selections[candidates] = self._stack.select(candidates, self._prices)
        return selection


def _pin(
    arms: tuple[Arm, ...], score: FloatArray, pins: Sequence[Pin | None], p: FloatArray, stays: NDArray[np.bool_]
) -> None:
    """Set the probability of pinned arms that are good enough to 1, in place, and mark their rows.

    Both ``p``, shape (B, K), and ``stays``, shape (B,), are changed.
    """
    for row, pin in enumerate(pins):
        if pin is None or pin.arm not in arms:
            continue
        at = arms.index(pin.arm)
        if score[row].max() - score[row, at] <= pin.switching_cost:
            p[row] = 0.0
            p[row, at] = 1.0
            stays[row] = True


def _draw(
    policy: Policy, estimates: Estimates, ranked: FloatArray, p: FloatArray, stays: NDArray[np.bool_]
) -> list[Choice]:
    probabilities = p.tolist()
    draws = [random.random() for _ in probabilities]
    chosen, explored = sample_rows(p, policy.exploration, np.array(draws))
    explored |= p[np.arange(len(p)), chosen] < p.max(axis=1)
    if stays.any():  # a pinned request does not explore
        chosen[stays], explored[stays] = p[stays].argmax(axis=1), False
    rows = zip(
        _scores(estimates, ranked, p),
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


def _scores(estimates: Estimates, ranked: FloatArray, p: FloatArray) -> list[list[CandidateScore]]:
    """Return for each of B contexts the scores of the K candidates."""
    pulls, costs = estimates.pulls.tolist(), [None if c != c else c for c in estimates.cost_usd.tolist()]  # noqa: PLR0124  # NaN
    sigmas = estimates.sigma.tolist()
    rows = (estimates.mean, estimates.width, estimates.prior, ranked, p)
    return [
        [
            CandidateScore(
                provider=arm.provider,
                model=arm.model,
                mean=m,
                width=w,
                prior=h,
                sigma=s,
                ucb=u,
                probability=q,
                pulls=n,
                cost_usd=c,
            )
            for arm, m, w, h, u, q, n, c, s in zip(estimates.arms, *row, pulls, costs, sigmas, strict=True)
        ]
        for row in zip(*(column.tolist() for column in rows), strict=True)
    ]
