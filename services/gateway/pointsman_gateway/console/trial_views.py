"""The shapes of a dry run, and of what shadows make of a decision."""

from __future__ import annotations

from typing import Any

import msgspec

from pointsman.contracts.messages.decision import Candidate, CandidateScore


class FeatureValue(msgspec.Struct, frozen=True, kw_only=True):
    """One number of a context, with its name."""

    name: str
    value: float


class TryRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of ``POST /v1/try``: one of context, prompt and messages.

    Attributes
    ----------
    tier : str, optional
        Without it, a prompt or messages go to the tier that a chat request with ``auto`` would go to.
    context : list of float, length d
    prompt : str, optional
        What a user would write.
    messages : list, optional
        A whole conversation, as in ``POST /v1/chat/completions``.
    candidates : list, optional
        The arms that qualify; the tier's own when left out.
    """

    tier: str | None = None
    context: list[float] | None = None
    prompt: str | None = None
    messages: list[dict[str, Any]] | None = None
    candidates: list[Candidate] | None = None


class AutoTier(msgspec.Struct, frozen=True, kw_only=True):
    """Where a chat request with ``auto`` would go.

    Attributes
    ----------
    score : float
        How demanding it is, 0 to 1; the tier is found by it.
    """

    tier: str
    score: float


class TryView(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to ``POST /v1/try``: what the policy sees, and what it would do. Nothing is decided, and nothing logged.

    Attributes
    ----------
    stale : bool
        The state is older than the configured bound.
    state_age_ms : int or None
        How old what the policy knows is.
    scores : list
        As in a decision.
    context : list of float, length d
        What was scored.
    features : list or None
        The same by name, where names are known.
    auto : object or None
        For a prompt or messages: the tier that ``auto`` would choose.
    """

    tier: str
    policy: str
    policy_version: int
    stale: bool
    state_age_ms: int | None
    scores: list[CandidateScore]
    context: list[float]
    features: list[FeatureValue] | None = None
    auto: AutoTier | None = None


class ShadowPick(msgspec.Struct, frozen=True, kw_only=True):
    """What a shadow policy of the tier would have done with a decision.

    Attributes
    ----------
    arm : str or None
        ``provider:model`` that it drew; the same draw as in its results and in the report. None when that is not known.
    agree : bool or None
        It is the arm that was chosen.
    probabilities : list of float
        Its distribution, in the order of the decision's scores; empty when that is not known.
    sampled : bool
        The decision is one that it is run on; false where it is run on a share, and this is not in it.
    error : str or None
        Why it is not known, or what the policy raised.
    """

    policy: str
    algorithm: str
    arm: str | None
    agree: bool | None
    probabilities: list[float]
    sampled: bool = True
    error: str | None = None
