"""What a policy's own settings must satisfy beyond their JSON types, wherever they come from."""

from __future__ import annotations

import math

from pointsman.contracts.messages.policies import PolicySpec


def setting_problems(spec: PolicySpec) -> dict[str, str]:
    """Return what is wrong with the policy's own rule and sampling, by field; empty when nothing is.

    The algorithm and its parameters are `pointsman.core.bandit.make_policy`'s to judge.
    """
    problems = {}
    for name in ("lambda_cost", "mu_latency"):
        weight: float | None = getattr(spec, name)
        if weight is not None and not (math.isfinite(weight) and weight >= 0.0):
            problems[name] = f"expected a number of at least 0, got {weight:g}"
    for name in ("forgetting", "sample"):
        share: float | None = getattr(spec, name)
        if share is not None and not 0.0 < share <= 1.0:
            problems[name] = f"expected more than 0, at most 1, got {share:g}"
    return problems
