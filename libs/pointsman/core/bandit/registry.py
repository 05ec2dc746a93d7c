"""Built-in algorithms, and the construction of policies from an algorithm's name and parameters."""

import functools
import importlib
import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

from pointsman.core.bandit.arm import Arm
from pointsman.core.bandit.arm_state import FloatArray
from pointsman.core.bandit.epsilon_greedy import EpsilonGreedy
from pointsman.core.bandit.errors import ArmError, DistributionError, PolicyError
from pointsman.core.bandit.estimates import Estimates
from pointsman.core.bandit.fixed_policies import Cheapest, Static, Uniform
from pointsman.core.bandit.linucb import LinUCB
from pointsman.core.bandit.policy import Policy, check_distribution, uses_rewards
from pointsman.core.bandit.scaled_linucb import ScaledLinUCB
from pointsman.core.bandit.softmax import Softmax
from pointsman.core.bandit.thompson import ScaledThompson, Thompson
from pointsman.core.bounds import Share
from pointsman.core.violations import find_violations

BUILT_IN: dict[str, type[Policy]] = {
    "scaled-linucb": ScaledLinUCB,
    "linucb": LinUCB,
    "epsilon-greedy": EpsilonGreedy,
    "thompson": Thompson,
    "scaled-thompson": ScaledThompson,
    "softmax": Softmax,
    "static:<provider>:<model>": Static,
    "cheapest": Cheapest,
    "uniform": Uniform,
}
"""Every built-in algorithm. Configuration checks, documentation, OpenAPI and the conformance tests use this table.

The parameters of an algorithm are those of its constructor with their ranges (`parameters_type`), and its description
is the first line of the class docstring.
"""

ALGORITHMS = (*BUILT_IN, "<module>:<Class>")
"""Values of ``algorithm`` for error messages and documentation."""

_STATIC = "static:"


class CheckedPolicy:
    """A custom policy whose distributions are checked before they are used."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.alpha = float(getattr(policy, "alpha", 0.0))
        self.uses_rewards = uses_rewards(policy)
        if not math.isfinite(self.alpha):
            raise PolicyError(f"expected a finite number, got {self.alpha}", "alpha")
        self.exploration = float(getattr(policy, "exploration", 0.0))
        for violation in find_violations(self.exploration, Share, ""):
            raise PolicyError(violation.detail, "exploration")

    def probabilities(self, estimates: Estimates) -> FloatArray:
        """Return the policy's distribution, shape (B, K).

        Raises
        ------
        DistributionError
            When the result is not a distribution, or has less than the declared exploration.
        """
        b, k = estimates.mean.shape
        p = check_distribution(self._policy.probabilities(estimates), (b, k))
        # The decision service draws the uniform part itself; if p did not contain it, the logged propensity were wrong.
        if (p < self.exploration / k - 1e-9).any():
            raise DistributionError(f"expected at least exploration/K = {self.exploration / k:g} for every candidate")
        return p


def make_policy(algorithm: str, parameters: Mapping[str, Any] | None = None) -> Policy:
    """Return the policy of an algorithm with parameters.

    Parameters
    ----------
    algorithm : str
        One of `ALGORITHMS`.
    parameters : mapping, optional
        Keyword arguments of the policy's class; its defaults apply to the others.

    Raises
    ------
    PolicyError
        When the algorithm is unknown, a parameter is unknown or out of range, or a class cannot be loaded.
    """
    given = dict(parameters or {})
    if algorithm.startswith(_STATIC):
        try:
            arm = Arm.parse(algorithm.removeprefix(_STATIC))
        except ArmError as error:
            raise PolicyError(str(error), "algorithm") from error
        return _construct(functools.partial(Static, arm), given)
    if algorithm in BUILT_IN:
        return _construct(BUILT_IN[algorithm], given)
    if ":" not in algorithm:
        raise PolicyError(f"{algorithm!r} is not one of {', '.join(ALGORITHMS)}", "algorithm")
    custom = _load(algorithm)
    try:
        return CheckedPolicy(custom(**given))
    except PolicyError:
        raise
    except Exception as error:  # a custom class may raise anything
        raise PolicyError(f"{algorithm}: {error}", "parameters") from error


def static_arm(algorithm: str) -> Arm | None:
    """Return the arm of ``static:<provider>:<model>``; None for another algorithm, and for a malformed arm."""
    try:
        return Arm.parse(algorithm.removeprefix(_STATIC)) if algorithm.startswith(_STATIC) else None
    except ArmError:
        return None


def _construct(build: Callable[..., Policy], given: dict[str, Any]) -> Policy:
    known = inspect.signature(build).parameters
    for name in given:
        if name not in known:
            raise PolicyError(f"unknown parameter; the parameters are: {', '.join(known) or 'none'}", name)
    return build(**given)


def _load(path: str) -> Any:
    module, _, name = path.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except Exception as error:  # a custom module may raise anything while it is imported
        not_found = isinstance(error, ModuleNotFoundError) and error.name == module
        hint = "; is its folder in PYTHONPATH?" if not_found else ""
        raise PolicyError(f"cannot load {path}: {error}{hint}", "algorithm") from error
    if not callable(getattr(found, "probabilities", None)):
        raise PolicyError(f"{path} has no method 'probabilities'", "algorithm")
    return found
