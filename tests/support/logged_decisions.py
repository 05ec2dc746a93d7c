"""Decisions as the log has them, for tests."""

from __future__ import annotations

from collections.abc import Sequence

from pointsman.contracts.messages.decision import CandidateScore, DecisionEvent
from pointsman.contracts.messages.policies import PolicySpec
from pointsman.shadow.evaluation.decision_group import LoggedDecision
from pointsman.shadow.evaluation.shadow_policy import ShadowPolicy
from pointsman.shadow.periods import HOUR_MS

TIER = "T"
ARMS = ("p:a", "p:b", "q:c")


def logged(
    sequence: int,
    means: Sequence[float] = (0.2, 0.9, 0.4),
    probabilities: Sequence[float] = (0.1, 0.8, 0.1),
    served: int = 1,
    *,
    arms: Sequence[str] = ARMS,
    hour: int = 5,
    costs: Sequence[float | None] | None = None,
    pulls: int = 0,
    pinned: bool = False,
) -> LoggedDecision:
    """Return a decision of the log."""
    names = [arm.split(":", 1) for arm in arms]
    scores = [
        CandidateScore(
            provider=provider,
            model=model,
            mean=mean,
            width=0.1,
            ucb=mean + 0.1,
            probability=p,
            pulls=pulls,
            cost_usd=cost,
        )
        for (provider, model), mean, p, cost in zip(
            names, means, probabilities, costs or [None] * len(arms), strict=True
        )
    ]
    event = DecisionEvent(
        nonce=f"{sequence:016x}",
        decided_at_ms=hour * HOUR_MS + 7,
        tier=TIER,
        provider=names[served][0],
        model=names[served][1],
        policy="live",
        policy_version=1,
        algorithm="linucb",
        propensity=probabilities[served],
        explored=False,
        scores=scores,
        context=[1.0, 0.5],
        pinned=pinned,
    )
    return LoggedDecision(f"{TIER}.{sequence}.{sequence:016x}", sequence, hour * HOUR_MS + 9, event)


def shadow(algorithm: str = "epsilon-greedy", stateful: bool = False, sample: float | None = None) -> ShadowPolicy:
    """Return a shadow; greedy ones explore nothing."""
    parameters = {"epsilon": 0.0} if algorithm == "epsilon-greedy" else {}
    return ShadowPolicy(PolicySpec(name="s", algorithm=algorithm, parameters=parameters, sample=sample), 3, stateful)
