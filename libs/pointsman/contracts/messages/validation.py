"""What a request must satisfy beyond its JSON types. The gateway and the decision replicas ask the same."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.decision import Candidate, DecisionEvent, DecisionRequest
from pointsman.contracts.messages.errors import InvalidMessage
from pointsman.contracts.messages.ids import NONCE_LENGTH, is_nonce
from pointsman.contracts.messages.outcome import OutcomeReport
from pointsman.core.bandit import Arm, ArmError, ContextError, Mismatch, conform

MAX_CANDIDATES = 256
MAX_METADATA_BYTES = 16 * 1024
MAX_SWITCHING_COST = 1000.0
"""Far more than scores can differ by: an arm is then never left."""
REPORT_BOUNDS = {"quality": 100.0, "reward": 100.0, "cost_usd": 1e6, "latency_ms": 1e9}
"""What each number of an outcome may be at most; all are at least 0. Costs and latencies are bounded because they are
summed for ever: one beyond this would drown the rest."""
MAX_MS = 2**63
"""Times are below it. JSON has whole numbers of any size, which neither float64 nor int64 has room for."""

_checked_arm = lru_cache(maxsize=4096)(Arm.checked)  # the same few arms come with every request


def check_request(
    request: DecisionRequest, tiers: Mapping[str, tuple[Arm, ...]], dim: int, mismatch: Mismatch
) -> tuple[tuple[Arm, ...], list[float]]:
    """Return the candidates of a request, the tier's arms when it names none, and the context as ``dim`` floats.

    Parameters
    ----------
    request : DecisionRequest
    tiers : mapping of tier to its arms
        The arms are trusted: they are checked and unique already.
    dim : int
        d, the number of features.
    mismatch : {"reject", "pad"}
        What to do with a context of another length.

    Raises
    ------
    InvalidMessage
        With the path of the first field that is wrong.
    """
    arms = tiers.get(request.tier)
    if arms is None:
        raise InvalidMessage("tier", f"no tier {request.tier[:80]!r}")
    try:
        context = conform(request.context, dim, mismatch)
    except ContextError as error:
        raise _context_error(error) from error
    if request.candidates is not None:
        arms = check_candidates(request.candidates)
    elif not arms:
        raise InvalidMessage("candidates", f"tier {request.tier} has no arms of its own, so candidates are required")
    if request.metadata is not None:
        _check_metadata(request.metadata)
    if request.pinned is not None:
        _check_pinned(request.pinned)
    if not 0.0 <= request.switching_cost <= MAX_SWITCHING_COST:
        raise InvalidMessage("switching_cost", f"expected 0 to {MAX_SWITCHING_COST:g}, got {request.switching_cost:g}")
    return arms, context


def check_candidates(candidates: Sequence[Candidate]) -> tuple[Arm, ...]:
    """Return the candidates as arms, or raise `InvalidMessage` when there are none, too many, a bad or a double one."""
    if not candidates:
        raise InvalidMessage("candidates", "expected at least one candidate")
    if len(candidates) > MAX_CANDIDATES:
        raise InvalidMessage("candidates", f"expected at most {MAX_CANDIDATES}, got {len(candidates)}")
    try:
        arms = tuple([_checked_arm(candidate.provider, candidate.model) for candidate in candidates])
    except ArmError:
        raise _first_bad(candidates) from None
    if len(set(arms)) != len(arms):
        seen: set[Arm] = set()
        for index, arm in enumerate(arms):
            if arm in seen:
                raise InvalidMessage(f"candidates[{index}]", f"{arm} is there twice")
            seen.add(arm)
    return arms


def check_report(report: OutcomeReport) -> None:
    """Raise `InvalidMessage` unless an outcome tells something, and each of its numbers is in its range."""
    told = [name for name in REPORT_BOUNDS if getattr(report, name) is not None]
    if not told:
        raise InvalidMessage("", "expected quality, cost_usd or latency_ms, or else reward")
    for name in told:
        value: float = getattr(report, name)
        if not 0.0 <= value <= REPORT_BOUNDS[name]:
            raise InvalidMessage(name, f"expected 0 to {REPORT_BOUNDS[name]:g}, got {value:g}")
    if report.reward is not None and len(told) > 1:
        raise InvalidMessage("reward", "comes instead of quality, cost_usd and latency_ms, not beside them")


def check_event(event: DecisionEvent, tier: str) -> None:
    """Raise `InvalidMessage` for a decision in the log of a tier that no replica would have written.

    What is made of it is summed up for ever, by the arms' names.
    """
    if event.tier != tier:
        raise InvalidMessage("tier", f"{event.tier[:80]!r} in the log of {tier!r}")
    if not 1 <= len(event.scores) <= MAX_CANDIDATES:
        raise InvalidMessage("scores", f"expected 1 to {MAX_CANDIDATES}, got {len(event.scores)}")
    for index, score in enumerate(event.scores):
        try:
            _checked_arm(score.provider, score.model)
        except ArmError as error:
            raise InvalidMessage(f"scores[{index}]", str(error)) from error
        if not 0.0 <= score.probability <= 1.0 + 1e-9:
            raise InvalidMessage(f"scores[{index}].probability", f"expected 0 to 1, got {score.probability:g}")
        if score.cost_usd is not None and not score.cost_usd >= 0.0:
            raise InvalidMessage(f"scores[{index}].cost_usd", f"expected at least 0, got {score.cost_usd:g}")
        if score.pulls < 0 or score.pulls >= 2**63:
            raise InvalidMessage(f"scores[{index}].pulls", "expected a count")
    served = next((s for s in event.scores if (s.provider, s.model) == (event.provider, event.model)), None)
    if served is None:
        raise InvalidMessage("provider or model", f"{event.provider[:80]}:{event.model[:80]} is not among the scores")
    if not 0.0 < event.propensity <= 1.0 + 1e-9:
        raise InvalidMessage("propensity", f"expected more than 0, at most 1, got {event.propensity:g}")
    if not 0 <= event.decided_at_ms < MAX_MS:
        raise InvalidMessage("decided_at_ms", "expected Unix milliseconds")
    if not is_nonce(event.nonce):
        raise InvalidMessage("nonce", f"expected {NONCE_LENGTH} hex digits, got {event.nonce[:80]!r}")


def find_non_finite(data: bytes) -> InvalidMessage | None:
    """Return the error for the first NaN or infinity, which many encoders write although it is no JSON; None if none.

    For use after the decoder has refused the data, to name the field.
    """
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return _find_non_finite(value, "")


def _find_non_finite(value: Any, path: str) -> InvalidMessage | None:
    if isinstance(value, float) and not math.isfinite(value):
        return InvalidMessage(path, f"expected a finite number, got {value}")
    parts: list[tuple[str, Any]] = []
    if isinstance(value, dict):
        parts = [(f"{path}.{key}" if path else key, part) for key, part in value.items()]
    elif isinstance(value, list):
        parts = [(f"{path}[{index}]", part) for index, part in enumerate(value)]
    return next((found for at, part in parts if (found := _find_non_finite(part, at))), None)


def _first_bad(candidates: Sequence[Candidate]) -> InvalidMessage:
    for index, candidate in enumerate(candidates):
        try:
            Arm.checked(candidate.provider, candidate.model)
        except ArmError as error:
            part, _, detail = str(error).partition(": ")
            return InvalidMessage(f"candidates[{index}].{part}", detail)
    raise AssertionError("called without a bad candidate")


def _context_error(error: ContextError) -> InvalidMessage:
    """Move the index that the bandit's error begins with into the field's path."""
    text = str(error)
    if text.startswith("["):
        index, _, detail = text.partition(": ")
        return InvalidMessage(f"context{index}", detail)
    return InvalidMessage("context", text)


def _check_pinned(pinned: Candidate) -> None:
    try:
        _checked_arm(pinned.provider, pinned.model)
    except ArmError as error:
        part, _, detail = str(error).partition(": ")
        raise InvalidMessage(f"pinned.{part}", detail) from error


def _check_metadata(metadata: dict[str, object]) -> None:
    try:
        size = len(encode(metadata))
    except (UnicodeEncodeError, RecursionError) as error:
        raise InvalidMessage("metadata", f"cannot be written as JSON: {error}") from error
    if size > MAX_METADATA_BYTES:
        raise InvalidMessage("metadata", f"expected at most {MAX_METADATA_BYTES} bytes as JSON, got {size}")
