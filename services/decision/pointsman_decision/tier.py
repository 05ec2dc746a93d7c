"""One tier in a replica's memory: the factors of its arms, its live policy, and their age."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from pointsman.contracts.messages.decision import CandidateScore, RewardWeights
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
    uses_rewards,
)
from pointsman.learning.reset import RESETTING
from pointsman.learning.tier_store import TierChanges
from pointsman_decision.distribution import Distribution, HeldBack, Pin, compose
from pointsman_decision.learned_arms import LearnedArms
from pointsman_decision.under_way import OUTCOME_WITHIN_S, PullsUnderWay

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
    held_back: tuple[Arm, ...] = ()


class Scoring(NamedTuple):
    """The scores of the candidates for one context, and those of them that are held back."""

    scores: list[CandidateScore]
    held_back: tuple[Arm, ...]


class _Candidates(NamedTuple):
    """The factors of one list of candidates, and those of them that have a bound of pulls under way."""

    selection: Selection
    young: tuple[Arm, ...]


class _Scored(NamedTuple):
    """Everything that a draw needs; see `compose`."""

    estimates: Estimates
    ranked: FloatArray
    distribution: Distribution
    held_back: tuple[Arm, ...]


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
    ``reward_wait_s``: how long outcomes wait for feedback.
    """

    def __init__(
        self, name: str, dim: int, spec: PolicySpec, prices: Mapping[Arm, float], reward_wait_s: float = 0.0
    ) -> None:
        self.name = name
        self.live = LivePolicy.build(spec, 0)
        self.epoch = ""
        self.generation = ""
        self.watermark = 0
        self.as_of_ms = 0
        self.decision_high = 0
        self.loaded = False
        self._stack = ArmStack(dim)
        self.learned = LearnedArms()
        self._prices = dict(prices)
        self._selections: dict[tuple[Arm, ...], _Candidates] = {}
        self.under_way = PullsUnderWay(reward_wait_s + OUTCOME_WITHIN_S)

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
            self.under_way.clear_learned()
        for arm, state in changes.arms.items():
            self._stack.put(arm, state)
            self.under_way.set_learned(arm, state.n)
        self.learned.apply_update(changes, replaced=replaced)
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

    def held_back(self) -> tuple[Arm, ...]:
        """Return the arms that have reached their bound of pulls under way, if the policy uses rewards."""
        return self.under_way.full(tuple(self.under_way.counts())) if uses_rewards(self.live.policy) else ()

    def choose(
        self,
        candidates: tuple[Arm, ...],
        contexts: Sequence[Sequence[float]],
        pins: Sequence[Pin | None] | None = None,
    ) -> list[Choice]:
        """Draw an arm for each of B contexts with the same candidates, scoring them together.

        ``candidates`` has length K; ``contexts`` has shape (B, d); ``pins`` has length B. See `compose` for the
        distributions that are drawn from.
        """
        found = self._select(candidates)
        choices = _draw(self.live.policy, self._score(found, contexts, pins))
        if found.young and len(candidates) > 1:  # with one candidate, nothing is chosen
            for at, choice in enumerate(choices, 1):
                # The rest of the batch was drawn as if the arm had not reached its bound, and is drawn again.
                if self.under_way.add(choice.arm) and at < len(choices):
                    return choices[:at] + self.choose(candidates, contexts[at:], pins and pins[at:])
        return choices

    def score(
        self, candidates: tuple[Arm, ...], context: Sequence[float], weights: RewardWeights | None = None
    ) -> Scoring:
        """Return the scores of the candidates, without drawing an arm.

        With ``weights``, as if every outcome had been learned from with them; pulls under way are then not considered.
        """
        if weights is None:
            found = self._select(candidates)
        else:
            found = _Candidates(self.learned.reweighed(candidates, self._prices, self._stack.dim, weights), ())
        scored = self._score(found, [context], None)
        return Scoring(_scores(scored)[0], scored.held_back)

    def _score(
        self, found: _Candidates, contexts: Sequence[Sequence[float]], pins: Sequence[Pin | None] | None
    ) -> _Scored:
        policy, x = self.live.policy, np.array(contexts)
        estimates = found.selection.estimate(x)
        full = self.under_way.full(found.young) if found.young and uses_rewards(policy) else ()
        held_back = None
        if full and len(full) < len(estimates.arms):
            others = tuple([arm for arm in estimates.arms if arm not in full])
            held_back = HeldBack(full, self._select(others).selection.estimate(x))
        ranked = scores(policy, estimates)
        distribution = compose(policy, estimates, ranked, held_back, pins)
        return _Scored(estimates, ranked, distribution, full if held_back else ())

    def _select(self, candidates: tuple[Arm, ...]) -> _Candidates:
        """Return the factors of these candidates, cached for later requests."""
        found = self._selections.get(candidates)
        if found is None:
            if len(self._selections) >= MAX_SELECTIONS:
                self._selections.clear()
            selection = self._stack.select(candidates, self._prices)
            found = self._selections[candidates] = _Candidates(selection, self.under_way.young(candidates))
        return found


def _draw(policy: Policy, scored: _Scored) -> list[Choice]:
    arms, (p, stays) = scored.estimates.arms, scored.distribution
    probabilities = p.tolist()
    draws = [random.random() for _ in probabilities]
    chosen, explored = sample_rows(p, policy.exploration, np.array(draws))
    explored |= p[np.arange(len(p)), chosen] < p.max(axis=1)
    if stays.any():  # a pinned request does not explore
        chosen[stays], explored[stays] = p[stays].argmax(axis=1), False
    rows = zip(
        _scores(scored),
        probabilities,
        draws,
        chosen.tolist(),
        explored.tolist(),
        stays.tolist(),
        strict=True,
    )
    return [
        Choice(arms[at], row[at], by_chance, u, scores, pinned, () if pinned else scored.held_back)
        for scores, row, u, at, by_chance, pinned in rows
    ]


def _scores(scored: _Scored) -> list[list[CandidateScore]]:
    """Return for each of B contexts the scores of the K candidates."""
    estimates = scored.estimates
    pulls, costs = estimates.pulls.tolist(), [None if c != c else c for c in estimates.cost_usd.tolist()]  # noqa: PLR0124  # NaN
    sigmas = estimates.sigma.tolist()
    rows = (estimates.mean, estimates.width, estimates.prior, scored.ranked, scored.distribution.p)
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
