"""Running shadow policies on logged decisions. Pure: no I/O, the same result whenever and wherever it is done."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pointsman.bandit import Arm, Estimates, FloatArray, Policy, PolicyError, make_policy, sample
from pointsman.messages.decision import DecisionEvent
from pointsman.messages.notices import ShadowDecision
from pointsman.messages.policies import PolicySpec
from pointsman.state import HOUR_MS
from pointsman.state import shadow_store as fields

ERROR_LENGTH = 300


class Logged(NamedTuple):
    """A decision from the log, with the id that its place there gives it, and when the log took it."""

    decision_id: str
    at_ms: int
    event: DecisionEvent


class Shadow:
    """A shadow policy, ready to be run.

    A policy that cannot be built is kept all the same, so that the report shows its errors.

    Parameters
    ----------
    spec : PolicySpec
    version : int
        Of the tier's policies, when the shadow was put in.
    """

    def __init__(self, spec: PolicySpec, version: int) -> None:
        self.spec = spec
        self.version = version
        self.policy: Policy | None = None
        self.broken = ""
        try:
            self.policy = make_policy(spec.algorithm, spec.parameters)
        except PolicyError as error:
            self.broken = str(error)

    def evaluate(self, decisions: Sequence[Logged]) -> list[ShadowDecision]:
        """Return what the policy would have done with each decision, given what was known then."""
        results: list[ShadowDecision | None] = [None] * len(decisions)
        groups: defaultdict[tuple[Arm, ...], list[int]] = defaultdict(list)
        for at, decision in enumerate(decisions):
            groups[tuple(Arm(s.provider, s.model) for s in decision.event.scores)].append(at)
        for arms, places in groups.items():
            group = [decisions[at] for at in places]
            for at, result in zip(places, self._evaluate_group(arms, group), strict=True):
                results[at] = result
        return [result for result in results if result is not None]

    def _evaluate_group(self, arms: tuple[Arm, ...], group: Sequence[Logged]) -> list[ShadowDecision]:
        try:
            if self.policy is None:
                raise PolicyError(self.broken)
            p = self.policy.probabilities(_estimates(arms, group))
        except Exception as error:  # a policy from outside may raise anything: it is counted, and harms nothing
            if len(group) == 1:
                return [self._failed(group[0], error)]
            # Only those it cannot do should count as errors: once more, one by one.
            return [result for decision in group for result in self._evaluate_group(arms, [decision])]
        return [self._done(arms, decision, row) for decision, row in zip(group, p.tolist(), strict=True)]

    def _done(self, arms: tuple[Arm, ...], decision: Logged, p: list[float]) -> ShadowDecision:
        event = decision.event
        u = _uniform(decision.decision_id, self.spec.identity)
        chosen = arms[sample(p, self.policy.exploration if self.policy else 0.0, u).candidate]
        costs = [score.cost_usd for score in event.scores]
        delta = sum(
            (q - score.probability) * cost
            for q, score, cost in zip(p, event.scores, costs, strict=True)
            if cost is not None
        )
        served = Arm(event.provider, event.model)
        return ShadowDecision(
            decision_id=decision.decision_id,
            tier=event.tier,
            policy=self.spec.name,
            policy_version=self.version,
            active=str(served),
            shadow=str(chosen),
            agree=chosen == served,
            probabilities=p,
            expected_cost_delta_usd=None if None in costs else delta,
            decided_at_ms=event.decided_at_ms,
        )

    def _failed(self, decision: Logged, error: Exception) -> ShadowDecision:
        event = decision.event
        return ShadowDecision(
            decision_id=decision.decision_id,
            tier=event.tier,
            policy=self.spec.name,
            policy_version=self.version,
            active=f"{event.provider}:{event.model}",
            error=f"{type(error).__name__}: {error}"[:ERROR_LENGTH],
            decided_at_ms=event.decided_at_ms,
        )


def add_sums(
    sums: dict[tuple[str, int], dict[str, float]],
    spec: PolicySpec,
    decisions: Sequence[Logged],
    results: Sequence[ShadowDecision],
) -> None:
    """Add the results of one policy to the report's sums, by the hour in which the log took each decision."""
    for decision, result in zip(decisions, results, strict=True):
        hour = sums.setdefault((spec.identity, decision.at_ms // HOUR_MS), defaultdict(float))
        if result.error is not None or result.shadow is None:
            hour[fields.ERRORS] += 1.0
            continue
        hour[fields.DECISIONS] += 1.0
        if result.agree:
            hour[fields.AGREED] += 1.0
        else:
            hour[fields.pair(result.active, result.shadow)] += 1.0
        for score, q in zip(decision.event.scores, result.probabilities, strict=True):
            arm = f"{score.provider}:{score.model}"
            hour[fields.active_mass(arm)] += score.probability
            hour[fields.shadow_mass(arm)] += q


def _estimates(arms: tuple[Arm, ...], group: Sequence[Logged]) -> Estimates:
    def column(name: str) -> FloatArray:
        values = [[getattr(score, name) for score in decision.event.scores] for decision in group]
        return np.array(values, dtype=np.float64)  # None becomes NaN

    return Estimates(
        arms=arms,
        mean=column("mean"),
        width=column("width"),
        pulls=column("pulls").astype(np.int64),
        cost_usd=column("cost_usd"),
    )


def _uniform(decision_id: str, policy: str) -> float:
    """Return the uniform number of a decision and a policy: always the same, so that doing it again changes nothing."""
    digest = hashlib.blake2b(f"{decision_id} {policy}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "little") >> 11) * 2.0**-53
