"""What every answer says of how it came about."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter

from pointsman.contracts.messages.decision import Decision
from pointsman.core.bandit import Arm
from pointsman_gateway.chat.attempts import Attempts

Headers = tuple[tuple[str, str], ...]

NAMES = tuple(
    f"x-pointsman-{name}"
    for name in (
        "decision-id",
        "provider",
        "model",
        "tier",
        "policy",
        "propensity",
        "reason",
        "attempts",
        "overhead-ms",
    )
)

AUTO_SCORE = "x-pointsman-auto-score"
"""Beside them, when the model was ``auto``: how demanding the request looked, 0 to 1."""

ESTIMATED = "x-pointsman-tokens-estimated"
"""``true`` where the tokens of a request were not counted by a provider."""


def passed_on(headers: Mapping[str, str]) -> Headers:
    """Return a provider's headers without those that no HTTP answer of ours can hold."""
    return tuple((name, value) for name, value in headers.items() if (name + value).isascii() and value.isprintable())


def reason(decision: Decision, direct: bool, served: Arm | None) -> str:
    """Return in a word why this arm served."""
    if served is not None and served != Arm(decision.provider, decision.model):
        return "fallback"
    if decision.degraded:
        return "direct" if direct else "degraded"
    if direct:
        return "direct"
    if decision.pinned:
        return "pinned"
    return "explored" if decision.explored else "policy"


def response_headers(decision: Decision, direct: bool, attempts: Attempts, arrived_s: float) -> Headers:
    """Return the headers. Without a policy there is none to name, and no propensity.

    Parameters
    ----------
    arrived_s : float
        When the request came, by `perf_counter`.
    """
    arm = attempts.served or Arm(decision.provider, decision.model)
    overhead_ms = (perf_counter() - arrived_s - attempts.waited_s) * 1000.0
    told: list[tuple[str, str]] = [
        ("x-pointsman-decision-id", decision.decision_id),
        ("x-pointsman-provider", arm.provider),
        ("x-pointsman-model", arm.model),
        ("x-pointsman-tier", decision.tier),
        ("x-pointsman-reason", reason(decision, direct, attempts.served)),
        ("x-pointsman-attempts", str(attempts.tries)),
        ("x-pointsman-overhead-ms", f"{overhead_ms:.2f}"),
    ]
    if decision.policy is not None and not direct:
        told.append(("x-pointsman-policy", decision.policy))
    if decision.propensity is not None:
        told.append(("x-pointsman-propensity", f"{decision.propensity:.6g}"))
    return tuple(told)
