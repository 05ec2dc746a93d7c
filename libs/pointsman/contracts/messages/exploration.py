"""How much a policy explores, and the evidence floor: the exploration that a promotion leaves to a policy.

Without exploration every propensity is 1, and the log contains nothing about the arms that were not chosen: no shadow
can be evaluated while such a policy serves.
"""

import functools

import msgspec

from pointsman.contracts.messages.policies import PolicySpec
from pointsman.core.bandit import Policy, PolicyError, ScaledLinUCB, Softmax, Thompson, make_policy


def with_floor(spec: PolicySpec, floor: float) -> PolicySpec:
    """Return the policy with ``epsilon`` raised to the floor if it explores less.

    Unchanged is a policy that explores enough, and a custom class that has no parameter ``epsilon``.
    """
    policy = _policy(spec)
    if policy is None or _share(policy) >= floor:
        return spec
    raised = msgspec.structs.replace(spec, parameters={**spec.parameters, "epsilon": floor})
    policy = _policy(raised)
    return spec if policy is None or _share(policy) < floor else raised


def is_deterministic(spec: PolicySpec) -> bool:
    """Return whether the policy makes the same choice in the same situation.

    True also for a custom class that declares no exploration: its distribution is not known. False for a policy that
    cannot be constructed.
    """
    policy = _policy(spec)
    if policy is None or _share(policy) > 0.0 or isinstance(policy, Softmax):
        return False
    return not (isinstance(policy, Thompson) and policy.v > 0.0)


def determinism_warning(spec: PolicySpec) -> str:
    """Return what is wrong with an active policy that does not explore; empty if it does."""
    if not is_deterministic(spec):
        return ""
    return (
        f"the active policy {spec.name} does not explore: the log has nothing about the arms that it does not choose, "
        "so no shadow can be evaluated while it serves. Give it an epsilon above 0"
    )


def _share(policy: Policy) -> float:
    """Return ε: of `ScaledLinUCB` too, which lowers it where an arm is dear."""
    return policy.epsilon if isinstance(policy, ScaledLinUCB) else policy.exploration


def _policy(spec: PolicySpec) -> Policy | None:
    return _constructed(spec.algorithm, msgspec.json.encode(spec.parameters, order="deterministic"))


@functools.lru_cache(maxsize=128)
def _constructed(algorithm: str, parameters: bytes) -> Policy | None:
    try:
        return make_policy(algorithm, msgspec.json.decode(parameters))
    except PolicyError:
        return None
