"""Checks of the policies in a request."""

from collections.abc import Collection, Set

import msgspec

from pointsman.contracts.config import Config
from pointsman.contracts.config.tiers import static_problem
from pointsman.contracts.messages.errors import InvalidMessage
from pointsman.contracts.messages.exploration import determinism_warning
from pointsman.contracts.messages.nesting import check_nesting
from pointsman.contracts.messages.policies import PolicyChange, PolicySpec, RequestedPolicy
from pointsman.contracts.messages.subjects import check_name
from pointsman.core.bandit import ALGORITHMS, Arm, PolicyError, make_policy
from pointsman.core.violations import find_violations


def configured_classes(config: Config) -> frozenset[str]:
    """Return the ``module:Class`` algorithms that the configuration names."""
    specs = [config.active(tier) for tier in config.tier] + [shadow.spec() for shadow in config.shadow]
    return frozenset(spec.algorithm for spec in specs if _is_class(spec.algorithm))


def check_change(
    change: PolicyChange, allowed_classes: frozenset[str], tier: str = "", arms: Collection[Arm] = ()
) -> None:
    """Raise `InvalidMessage` unless every policy of the change is valid for a tier with these arms.

    A ``module:Class`` must be one that the configuration names, so that a request cannot make a service import an
    arbitrary module.
    """
    if change.active is None and change.shadows is None:
        raise InvalidMessage("", "expected active, shadows or both")
    if change.active is not None:
        check_policy(change.active, "active", allowed_classes)
        if change.active.sample is not None:
            raise InvalidMessage("active.sample", "only a shadow can be run on a share of the decisions")
    shadows = change.shadows or []
    for index, spec in enumerate(shadows):
        check_policy(spec, f"shadows[{index}]", allowed_classes)
        if any(spec.name == other.name for other in shadows[:index]):
            raise InvalidMessage(f"shadows[{index}].name", f"the name {spec.name!r} is used twice")
    named = {f"shadows[{index}]": spec for index, spec in enumerate(shadows)}
    if change.active is not None:
        named["active"] = change.active
    for field, spec in named.items():
        if problem := static_problem(spec.algorithm, tier, arms):
            raise InvalidMessage(f"{field}.algorithm", problem)


def check_policy(spec: PolicySpec, field: str, allowed_classes: frozenset[str]) -> None:
    """Raise `InvalidMessage` unless the policy is valid; ``field`` is its path in the request."""
    check_name(spec.name, f"{field}.name")
    check_nesting(spec.parameters, f"{field}.parameters")
    for violation in find_violations(msgspec.to_builtins(spec), RequestedPolicy, field):
        raise InvalidMessage(*violation)
    if not may_import(spec, allowed_classes):
        known = ", ".join(ALGORITHMS[:-1])
        raise InvalidMessage(
            f"{field}.algorithm",
            f"expected {known}, or a class that the configuration names; got {spec.algorithm[:80]!r}",
        )
    try:
        make_policy(spec.algorithm, spec.parameters)
    except PolicyError as error:
        part = f"parameters.{error.parameter}" if error.parameter in spec.parameters else error.parameter or "algorithm"
        raise InvalidMessage(f"{field}.{part}", error.detail) from error


def policy_warnings(active: PolicySpec, allowed_classes: Set[str]) -> list[str]:
    """Return what is wrong with an active policy, although it is valid."""
    warning = determinism_warning(active) if may_import(active, allowed_classes) else ""
    return [warning] if warning else []


def may_import(spec: PolicySpec, allowed_classes: Set[str]) -> bool:
    """Return whether a policy is built-in, or one of the custom classes that the configuration names."""
    return not _is_class(spec.algorithm) or spec.algorithm in allowed_classes


def _is_class(algorithm: str) -> bool:
    return ":" in algorithm and not algorithm.startswith("static:")
