"""From a policy's name and parameters to the policy: the one place that knows them all."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping
from typing import Any

from pointsman.core.bandit.arm import Arm, FloatArray
from pointsman.core.bandit.epsilon_greedy import EpsilonGreedy
from pointsman.core.bandit.errors import ArmError, DistributionError, PolicyError
from pointsman.core.bandit.estimates import Estimates
from pointsman.core.bandit.fixed_policies import Cheapest, Static, Uniform
from pointsman.core.bandit.linucb import LinUCB
from pointsman.core.bandit.policy import Policy, check_distribution, check_epsilon
from pointsman.core.bandit.softmax import Softmax
from pointsman.core.bandit.thompson import Thompson

ALGORITHMS = (
    "linucb",
    "epsilon-greedy",
    "thompson",
    "softmax",
    "static:<provider>:<model>",
    "cheapest",
    "uniform",
    "<module>:<Class>",
)
"""What `make_policy` understands; printed with the error about anything else."""


class Checked:
    """A policy from outside, whose every distribution is checked before it is used."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.alpha = float(getattr(policy, "alpha", 0.0))
        if not math.isfinite(self.alpha):
            raise PolicyError(f"alpha: expected a finite number, got {self.alpha}")
        self.exploration = check_epsilon(float(getattr(policy, "exploration", 0.0)))

    def probabilities(self, estimates: Estimates) -> FloatArray:
        """Return the policy's distribution, shape (B, K), or raise `DistributionError` when it is none."""
        b, k = estimates.mean.shape
        p = check_distribution(self._policy.probabilities(estimates), (b, k))
        # The service draws the uniform part by itself; without it in p, the propensity it logs would be wrong.
        if (p < self.exploration / k - 1e-9).any():
            raise DistributionError(f"expected at least exploration/K = {self.exploration / k:g} for every candidate")
        return p


def make_policy(algorithm: str, parameters: Mapping[str, Any] | None = None) -> Policy:
    """Build the policy that a configuration names.

    Parameters
    ----------
    algorithm : str
        One of `ALGORITHMS`.
    parameters : mapping, optional
        Keyword arguments of the policy's class. A missing one has the class's default.

    Raises
    ------
    PolicyError
        When the algorithm is unknown, a parameter is unknown or out of range, or a class cannot be loaded.
    """
    given = dict(parameters or {})
    builtin: dict[str, Callable[..., Policy]] = {
        "linucb": LinUCB,
        "epsilon-greedy": EpsilonGreedy,
        "thompson": Thompson,
        "softmax": Softmax,
        "cheapest": Cheapest,
        "uniform": Uniform,
    }
    try:
        if algorithm in builtin:
            return builtin[algorithm](**given)
        if algorithm.startswith("static:"):
            return Static(Arm.parse(algorithm.removeprefix("static:")), **given)
        if ":" in algorithm:
            return _from_outside(algorithm, given)
    except ArmError as error:
        raise PolicyError(f"algorithm: {error}") from error
    except (TypeError, OverflowError) as error:
        raise PolicyError(f"parameters of {algorithm}: {error}") from error
    raise PolicyError(f"algorithm: {algorithm!r} is not one of {', '.join(ALGORITHMS)}")


def _from_outside(path: str, given: dict[str, Any]) -> Policy:
    found = _load(path)
    try:
        return Checked(found(**given))
    except (PolicyError, TypeError):
        raise
    except Exception as error:  # somebody else's class may raise anything
        raise PolicyError(f"parameters of {path}: {error}") from error


def _load(path: str) -> Any:
    module, _, name = path.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except Exception as error:  # somebody else's module may raise anything while it is imported
        unfound = isinstance(error, ModuleNotFoundError) and error.name == module
        hint = "; is its folder in PYTHONPATH?" if unfound else ""
        raise PolicyError(f"algorithm: cannot load {path}: {error}{hint}") from error
    if not callable(getattr(found, "probabilities", None)):
        raise PolicyError(f"algorithm: {path} has no method 'probabilities'")
    return found
