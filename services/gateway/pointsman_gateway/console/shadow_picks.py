"""What each shadow of a tier would have done with a decision: computed again from the log, by the evaluator's code."""

from __future__ import annotations

import msgspec
import numpy as np

from pointsman.contracts.messages.policies import PolicySpec, TierPolicies
from pointsman.core.bandit import FloatArray, RewardSettings
from pointsman.core.bandit.sampling import sample_rows
from pointsman.runtime.store.errors import StateError
from pointsman.shadow.evaluation.decision_group import DecisionGroup, LoggedDecision, group_decisions
from pointsman.shadow.evaluation.evaluate import ShadowPolicy, evaluate
from pointsman.shadow.own_learning.own_rule import is_stateful
from pointsman.shadow.sums.hour_sums import FLOAT
from pointsman.shadow.sums.store import ShadowStore
from pointsman_gateway.console.trial_views import ShadowPick

PINNED = "the conversation stayed with its arm, so there was nothing to choose"
NOT_KEPT = (
    "it learns by a rule of its own; what it would have done is kept from when it was run until the reward has come, "
    "and is not there"
)
FAILED = "the policy failed on it"


async def shadow_picks(
    sums: ShadowStore, logged: LoggedDecision, policies: TierPolicies, reward: RewardSettings
) -> list[ShadowPick]:
    """Return what each shadow that the tier runs now would have done.

    One that learns by a rule of its own cannot be computed again: it is looked up, for as long as it is kept.

    Parameters
    ----------
    sums : ShadowStore
        The tier's part of the store.
    logged : LoggedDecision
    policies : TierPolicies
        What the tier runs now.
    reward : RewardSettings
    """
    groups = group_decisions([logged])
    if not groups:
        return [_unknown(spec, PINNED) for spec in policies.shadows]
    (group,) = groups
    picks = []
    for spec in policies.shadows:
        if not is_stateful(reward, spec, policies.active):
            picks.append(_stateless(spec, group))
            continue
        try:
            (kept,) = await sums.picks([(spec.identity, logged.sequence)])
        except StateError as error:
            picks.append(_unknown(spec, f"the store: {error}"))
        else:
            picks.append(_stateful(spec, group, kept))
    return picks


def _stateless(spec: PolicySpec, group: DecisionGroup) -> ShadowPick:
    """Return what the logged estimates decide, also for a decision that is not in the shadow's share."""
    evaluation = evaluate(_whole(spec), group, group.estimates)
    failed = evaluation.distributions.failed
    if failed:
        return _unknown(spec, failed[0], group)
    return _pick(spec, group, evaluation.distributions.q[0], int(evaluation.candidate[0]))


def _stateful(spec: PolicySpec, group: DecisionGroup, kept: bytes | None) -> ShadowPick:
    if kept == b"":
        return _unknown(spec, FAILED, group)
    if kept is None or len(kept) != len(group.names) * FLOAT.itemsize:
        return _unknown(spec, NOT_KEPT, group)
    run = _whole(spec)
    if run.policy is None:
        return _unknown(spec, run.broken, group)
    q = np.frombuffer(kept, dtype=FLOAT).astype(np.float64)
    drawn, _ = sample_rows(q[None, :], run.policy.exploration, run.draws(group, np.arange(1)))
    return _pick(spec, group, q, int(drawn[0]))


def _whole(spec: PolicySpec) -> ShadowPolicy:
    """Return the shadow as if it were run on all decisions; its draws are the same."""
    return ShadowPolicy(msgspec.structs.replace(spec, sample=None), 0)


def _pick(spec: PolicySpec, group: DecisionGroup, q: FloatArray, drawn: int) -> ShadowPick:
    return ShadowPick(
        policy=spec.name,
        algorithm=spec.algorithm,
        arm=group.names[drawn],
        agree=drawn == int(group.chosen[0]),
        probabilities=q.tolist(),
        sampled=_sampled(spec, group),
    )


def _unknown(spec: PolicySpec, why: str, group: DecisionGroup | None = None) -> ShadowPick:
    return ShadowPick(
        policy=spec.name,
        algorithm=spec.algorithm,
        arm=None,
        agree=None,
        probabilities=[],
        sampled=group is not None and _sampled(spec, group),
        error=why,
    )


def _sampled(spec: PolicySpec, group: DecisionGroup) -> bool:
    shadow = ShadowPolicy(spec, 0)
    return bool(shadow.sampled(group.keys, shadow.sample)[0])
