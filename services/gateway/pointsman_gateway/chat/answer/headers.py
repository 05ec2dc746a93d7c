"""Response headers that describe how an answer was made."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from time import perf_counter

from pointsman.core.bandit import Arm
from pointsman_gateway.chat.call import ChatCall

Headers = tuple[tuple[str, str], ...]

HEADER_DESCRIPTIONS = {
    "x-pointsman-decision-id": "For outcomes, feedback and `GET /v1/decisions/{id}`",
    "x-pointsman-provider": "The provider that answered; that of the chosen arm when none did",
    "x-pointsman-model": "The model that answered; that of the chosen arm when none did",
    "x-pointsman-tier": "The tier of the decision",
    "x-pointsman-policy": "The policy that chose; absent when none did",
    "x-pointsman-propensity": "The probability with which the arm was chosen; absent when degraded",
    "x-pointsman-reason": "`policy`, `explored`, `pinned`, `direct` (the client named the arm), `degraded` (no policy "
    "could choose) or `fallback` (another arm than the chosen one answered)",
    "x-pointsman-attempts": "Calls of providers, retries included",
    "x-pointsman-overhead-ms": "Time until the first byte, without the time that providers took",
}

AUTO_SCORE = "x-pointsman-auto-score"
"""Sent in addition for the model ``auto``: the difficulty of the request, 0 to 1."""

ADAPTED = "x-pointsman-adapted"
"""Sent in addition where the request was changed for the model: the fields that were left out or renamed."""

TOKENS_ESTIMATED = "x-pointsman-tokens-estimated"
"""``true`` where the tokens of a request were not counted by a provider."""


def forwardable(headers: Mapping[str, str]) -> Headers:
    """Return a provider's headers without those that are not valid in a response."""
    return tuple((name, value) for name, value in headers.items() if (name + value).isascii() and value.isprintable())


_FIELD_NAME = re.compile(r"[A-Za-z0-9_@:.\[\]-]{1,80}")
MAX_ADAPTED = 30
"""Most fields that the header names."""


def field_list(fields: Sequence[str]) -> str:
    """Return names of fields, which the client has chosen, as the value of a header; ``?`` for one that is no name."""
    names = [name if _FIELD_NAME.fullmatch(name) else "?" for name in fields[:MAX_ADAPTED]]
    return ", ".join([*names, "..."] if len(fields) > MAX_ADAPTED else names)


def response_headers(call: ChatCall) -> Headers:
    """Return the headers of a call. Without a policy there is no policy to name, and no propensity."""
    decision, attempts = call.decision, call.attempts
    arm = call.served or Arm(decision.provider, decision.model)
    overhead_ms = (perf_counter() - call.arrived_s - attempts.waited_s) * 1000.0
    headers: list[tuple[str, str]] = [
        ("x-pointsman-decision-id", decision.decision_id),
        ("x-pointsman-provider", arm.provider),
        ("x-pointsman-model", arm.model),
        ("x-pointsman-tier", decision.tier),
        ("x-pointsman-reason", _reason(call)),
        ("x-pointsman-attempts", str(attempts.tries)),
        ("x-pointsman-overhead-ms", f"{overhead_ms:.2f}"),
    ]
    if decision.policy is not None and not call.direct:
        headers.append(("x-pointsman-policy", decision.policy))
    if decision.propensity is not None:
        headers.append(("x-pointsman-propensity", f"{decision.propensity:.6g}"))
    if call.difficulty is not None:
        headers.append((AUTO_SCORE, f"{call.difficulty:.3f}"))
    if attempts.answer is not None and attempts.answer.adapted:
        headers.append((ADAPTED, field_list(attempts.answer.adapted)))
    return tuple(headers)


def _reason(call: ChatCall) -> str:
    """Return in a word why this arm served."""
    decision = call.decision
    if call.served is not None and not call.chosen_served:
        return "fallback"
    if call.direct:
        return "direct"
    if decision.degraded:
        return "degraded"
    if decision.pinned:
        return "pinned"
    return "explored" if decision.explored else "policy"
