"""Choices of a tier's shadow policies for a logged decision, computed by the shadow-evaluator's code."""

import msgspec
import numpy as np

from pointsman.contracts.messages.policies import PolicySpec, TierPolicies
from pointsman.core.bandit import FloatArray, RewardSettings
from pointsman.core.bandit.sampling import sample_rows
from pointsman.runtime.store.errors import StateError
from pointsman.shadow.evaluation.decision_group import DecisionGroup, LoggedDecision, group_decisions
from pointsman.shadow.evaluation.shadow_policy import ShadowPolicy, evaluate
from pointsman.shadow.own_learning.own_rule import is_stateful
from pointsman.shadow.sums.hour_sums import FLOAT
from pointsman.shadow.sums.store import ShadowStore

PINNED = "the conversation kept its arm, so no policy chose"
NOT_STORED = (
    "the policy learns from its own reward rule; its choice is stored only until the reward arrives, and is not stored "
    "any more"
)
FAILED = "the policy failed on this decision"


class ShadowChoiceView(msgspec.Struct, frozen=True, kw_only=True):
    """Choice of a shadow policy for a decision.

    Attributes
    ----------
    arm: ``provider:model`` that it drew; the same draw as in its results and in the report. None when unknown.
    agree: Whether this is the arm that was served.
    probabilities: Its distribution, in the order of the decision's scores; empty when unknown.
    sampled: Whether the policy evaluates this decision; false if it runs on a sample that does not include it.
    error: Why the choice is unknown, or the error that the policy raised.
    """

    policy: str
    algorithm: str
    arm: str | None
    agree: bool | None
    probabilities: list[float]
    sampled: bool = True
    error: str | None = None


async def read_shadow_choices(
    store: ShadowStore, logged: LoggedDecision, policies: TierPolicies, reward: RewardSettings
) -> list[ShadowChoiceView]:
    """Return the choice of each shadow policy that the tier runs now.

    The choice of a policy with its own reward rule cannot be recomputed; it is read from the store while it is there.
    """
    groups = group_decisions([logged])
    if not groups:
        return [_view(spec, error=PINNED) for spec in policies.shadows]
    choices = []
    for spec in policies.shadows:
        if not is_stateful(reward, spec, policies.active):
            choices.append(_recompute(spec, groups[0]))
            continue
        try:
            (stored,) = await store.picks([(spec.identity, logged.sequence)])
        except StateError as error:
            choices.append(_view(spec, error=f"the store: {error}"))
        else:
            choices.append(_from_stored(spec, groups[0], stored))
    return choices


def _recompute(spec: PolicySpec, group: DecisionGroup) -> ShadowChoiceView:
    """Return the choice from the logged estimates, also for a decision outside of the policy's sample."""
    evaluation = evaluate(_unsampled(spec), group, group.estimates)
    failed = evaluation.distributions.failed
    if failed:
        return _view(spec, group, error=failed[0])
    return _view(spec, group, evaluation.distributions.q[0], int(evaluation.candidate[0]))


def _from_stored(spec: PolicySpec, group: DecisionGroup, stored: bytes | None) -> ShadowChoiceView:
    if stored == b"":
        return _view(spec, group, error=FAILED)
    if stored is None or len(stored) != len(group.names) * FLOAT.itemsize:
        return _view(spec, group, error=NOT_STORED)
    shadow = _unsampled(spec)
    if shadow.policy is None:
        return _view(spec, group, error=str(shadow.broken))
    q = np.frombuffer(stored, dtype=FLOAT).astype(np.float64)
    drawn, _ = sample_rows(q[None, :], shadow.policy.exploration, shadow.draws(group, np.arange(1)))
    return _view(spec, group, q, int(drawn[0]))


def _unsampled(spec: PolicySpec) -> ShadowPolicy:
    """Return the shadow as if it ran on all decisions; its draws are the same."""
    return ShadowPolicy(msgspec.structs.replace(spec, sample=None), 0)


def _view(
    spec: PolicySpec,
    group: DecisionGroup | None = None,
    q: FloatArray | None = None,
    drawn: int = 0,
    error: str | None = None,
) -> ShadowChoiceView:
    shadow = ShadowPolicy(spec, 0)
    choice = None if group is None or q is None else (group.names[drawn], drawn == int(group.chosen[0]), q.tolist())
    arm, agree, probabilities = choice or (None, None, [])
    return ShadowChoiceView(
        policy=spec.name,
        algorithm=spec.algorithm,
        arm=arm,
        agree=agree,
        probabilities=probabilities,
        sampled=group is not None and bool(shadow.sampled(group.keys, shadow.sample)[0]),
        error=error,
    )
