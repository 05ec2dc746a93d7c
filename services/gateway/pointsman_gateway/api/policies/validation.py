"""Checks of the policies in a request."""

from __future__ import annotations

from pointsman.contracts.config import Config
from pointsman.contracts.messages.errors import InvalidMessage
from pointsman.contracts.messages.policies import MAX_SHADOWS, PolicyChange, PolicySpec
from pointsman.contracts.messages.policy_check import setting_problems
from pointsman.contracts.messages.subjects import check_name
from pointsman.core.bandit import ALGORITHMS, PolicyError, make_policy


def configured_classes(config: Config) -> frozenset[str]:
    """Return the ``module:Class`` algorithms that the configuration names."""
    specs = [config.active(tier) for tier in config.tier] + [shadow.spec() for shadow in config.shadow]
    return frozenset(spec.algorithm for spec in specs if _is_class(spec.algorithm))


def check_change(change: PolicyChange, allowed_classes: frozenset[str]) -> None:
    """Raise `InvalidMessage` unless every policy of the change is valid.

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
    if len(shadows) > MAX_SHADOWS:
        raise InvalidMessage("shadows", f"expected at most {MAX_SHADOWS}, got {len(shadows)}")
    for index, spec in enumerate(shadows):
        check_policy(spec, f"shadows[{index}]", allowed_classes)
        if any(spec.name == other.name for other in shadows[:index]):
            raise InvalidMessage(f"shadows[{index}].name", f"the name {spec.name!r} is used twice")


def check_policy(spec: PolicySpec, field: str, allowed_classes: frozenset[str]) -> None:
    """Raise `InvalidMessage` unless the policy is valid; ``field`` is its path in the request."""
    check_name(spec.name, f"{field}.name")
    for name, problem in setting_problems(spec).items():
        raise InvalidMessage(f"{field}.{name}", problem)
    if _is_class(spec.algorithm) and spec.algorithm not in allowed_classes:
        known = ", ".join(ALGORITHMS[:-1])
        raise InvalidMessage(
            f"{field}.algorithm",
            f"expected {known}, or a class that the configuration names; got {spec.algorithm[:80]!r}",
        )
    try:
        make_policy(spec.algorithm, spec.parameters)
    except PolicyError as error:
        part, colon, detail = str(error).partition(": ")
        if part == "algorithm":
            raise InvalidMessage(f"{field}.algorithm", detail) from error
        named = colon and part in spec.parameters
        raise InvalidMessage(
            f"{field}.parameters.{part}" if named else f"{field}.parameters", detail if named else str(error)
        ) from error


def _is_class(algorithm: str) -> bool:
    return ":" in algorithm and not algorithm.startswith("static:")
