"""Checks of requests and logged decisions that types alone cannot express."""

import json
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.decision import MAX_CANDIDATES, Candidate, DecisionEvent, DecisionRequest
from pointsman.contracts.messages.errors import InvalidMessage
from pointsman.contracts.messages.ids import NONCE_LENGTH, is_nonce
from pointsman.contracts.messages.nesting import check_nesting
from pointsman.contracts.messages.outcome import OutcomeReport
from pointsman.core.bandit import Arm, ArmError, ContextError, Mismatch, conform

MAX_METADATA_BYTES = 16 * 1024
MAX_MS = 2**63
"""Limit of times: JSON integers have any size, float64 and int64 do not."""

_checked_arm = lru_cache(maxsize=4096)(Arm.checked)  # most requests name the same few arms


def check_request(
    request: DecisionRequest, tiers: Mapping[str, tuple[Arm, ...]], dim: int, mismatch: Mismatch
) -> tuple[tuple[Arm, ...], list[float]]:
    """Return the candidates of a request (the tier's arms by default) and the context as ``dim`` floats.

    Parameters
    ----------
    tiers : mapping of tier to its arms
        The arms are valid and unique.
    dim : int
        d, the number of features.
    mismatch : {"reject", "pad"}
        How to treat a context of another length.

    Raises
    ------
    InvalidMessage
        With the path of the first field that is wrong.
    """
    arms = tiers.get(request.tier)
    if arms is None:
        raise InvalidMessage("tier", f"unknown tier {request.tier[:80]!r}")
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
        _check_candidate(request.pinned, "pinned")
    return arms, context


def check_candidates(candidates: Sequence[Candidate]) -> tuple[Arm, ...]:
    """Return the candidates as arms.

    Raises
    ------
    InvalidMessage
        For the first candidate whose name is malformed, or that is listed twice.
    """
    try:
        arms = tuple([_checked_arm(candidate.provider, candidate.model) for candidate in candidates])
    except ArmError:
        for index, candidate in enumerate(candidates):
            _check_candidate(candidate, f"candidates[{index}]")
        raise
    if len(set(arms)) != len(arms):
        index = next(index for index, arm in enumerate(arms) if arm in arms[:index])
        raise InvalidMessage(f"candidates[{index}]", f"{arms[index]} is listed twice")
    return arms


def check_report(report: OutcomeReport) -> None:
    """Raise `InvalidMessage` unless an outcome has either measured values or a reward."""
    measured = [name for name in ("quality", "cost_usd", "latency_ms") if getattr(report, name) is not None]
    if not measured and report.reward is None:
        raise InvalidMessage("", "expected quality, cost_usd or latency_ms, or else reward")
    if measured and report.reward is not None:
        raise InvalidMessage("reward", f"expected no {measured[0]} together with reward, which replaces it")


def check_event(event: DecisionEvent, tier: str) -> None:
    """Raise `InvalidMessage` for a logged decision that no decision replica would have written.

    Statistics by arm are summed from logged decisions without end, so a malformed one must not enter them.
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
            raise InvalidMessage(f"scores[{index}].pulls", "expected at least 0 and less than 2^63")
    served = next((s for s in event.scores if (s.provider, s.model) == (event.provider, event.model)), None)
    if served is None:
        raise InvalidMessage("provider or model", f"{event.provider[:80]}:{event.model[:80]} has no score")
    if not 0.0 < event.propensity <= 1.0 + 1e-9:
        raise InvalidMessage("propensity", f"expected more than 0, at most 1, got {event.propensity:g}")
    if not 0 <= event.decided_at_ms < MAX_MS:
        raise InvalidMessage("decided_at_ms", "expected Unix milliseconds")
    if not is_nonce(event.nonce):
        raise InvalidMessage("nonce", f"expected {NONCE_LENGTH} hex digits, got {event.nonce[:80]!r}")


def find_non_finite(data: bytes) -> InvalidMessage | None:
    """Return the error for the first NaN or infinity; None if there is none.

    Many encoders write them although JSON has no such values. Call this after the decoder failed, to name the field.
    """
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    check_nesting(value)
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


def _context_error(error: ContextError) -> InvalidMessage:
    """Move the index at the start of the bandit's error into the path of the field."""
    text = str(error)
    if text.startswith("["):
        index, _, detail = text.partition(": ")
        return InvalidMessage(f"context{index}", detail)
    return InvalidMessage("context", text)


def _check_candidate(candidate: Candidate, where: str) -> None:
    try:
        _checked_arm(candidate.provider, candidate.model)
    except ArmError as error:
        part, _, detail = str(error).partition(": ")
        raise InvalidMessage(f"{where}.{part}", detail) from error


def _check_metadata(metadata: dict[str, object]) -> None:
    check_nesting(metadata, "metadata")
    try:
        size = len(encode(metadata))
    except UnicodeEncodeError as error:
        raise InvalidMessage("metadata", f"cannot be encoded as JSON: {error}") from error
    if size > MAX_METADATA_BYTES:
        raise InvalidMessage("metadata", f"expected at most {MAX_METADATA_BYTES} bytes as JSON, got {size}")
