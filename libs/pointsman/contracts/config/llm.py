"""What the LLM endpoints of the gateway are told: ``[llm]``."""

from __future__ import annotations

import math

from pointsman.contracts.config.section import Section
from pointsman.core.features import CHAT, CHAT_NAMES, EMBEDDING, TierBound, TierScore


class AutoTier(Section, frozen=True, kw_only=True):
    """``[[llm.auto]]``: a tier of the model ``auto``.

    Attributes
    ----------
    tier : str
    below : float, optional
        The score, 0 to 1, that its requests stay below; whatever is left when it is left out.
    """

    tier: str
    below: float | None = None


class LlmConfig(Section, frozen=True, kw_only=True):
    """``[llm]``: how ``/v1/chat/completions`` and ``/v1/messages`` behave.

    Attributes
    ----------
    default_tier : str, optional
        The tier of the model ``auto`` where nothing in the request says another; the first tier when left out.
    auto : list of AutoTier
        The tiers of the model ``auto``, by how demanding a request looks; ``default_tier`` for all when there are none.
    auto_weights : dict of float
        Weights of that score in place of the built-in ones, by the name of the feature.
    features : str, optional
        What makes the context of a request: ``chat``, ``embedding`` or ``module:Class``; ``chat`` when left out.
    embedding_path : str, optional
        The folder of the model, for ``embedding``.
    unknown_model : {"refuse", "auto"}
        What to do with a model that is no tier and no arm: answer 404, or take it for ``auto``.
    session_ttl_s : int
        How long a conversation is remembered after its last request, to stay with its arm; 0: it is not.
    switching_cost : float
        By how much, in units of reward (0 to 1), another arm's score must exceed that of the conversation's arm before
        the policy may choose anew.
    max_attempts : int
        Most arms that are tried for one request.
    max_body_bytes : int
        Longest request body on these routes.
    finish_timeout_ms : int
        How long answers in flight may take to their end when the gateway stops; what is left is cut off.
    outcome_retry_s : float
        How long an outcome that NATS does not accept is tried again, before it is lost.
    """

    default_tier: str | None = None
    auto: list[AutoTier] = []
    auto_weights: dict[str, float] = {}
    features: str | None = None
    embedding_path: str | None = None
    unknown_model: str = "refuse"
    session_ttl_s: int = 3600
    switching_cost: float = 0.05
    max_attempts: int = 3
    max_body_bytes: int = 20 * 1024 * 1024
    finish_timeout_ms: int = 2000
    outcome_retry_s: float = 300.0

    def tier_score(self, tiers: list[str]) -> TierScore:
        """Return what finds the tier of a request whose model is ``auto``; ``tiers`` are the names of all."""
        bounds = [TierBound(auto.tier, auto.below) for auto in self.auto]
        return TierScore(bounds, self.default_tier or tiers[0], self.auto_weights)


def llm_problems(llm: LlmConfig, tiers: list[str]) -> list[str]:
    """Return what is wrong with the section.

    Parameters
    ----------
    tiers : list of str
        The names of all tiers.
    """
    problems = _auto_problems(llm, tiers) + _features_problems(llm)
    if llm.default_tier is not None and llm.default_tier not in tiers:
        problems.append(f"llm.default_tier: no tier {llm.default_tier!r}")
    if llm.unknown_model not in ("refuse", "auto"):
        problems.append(f"llm.unknown_model: expected refuse or auto, got {llm.unknown_model!r}")
    for name, least in (("session_ttl_s", 0), ("max_attempts", 1), ("max_body_bytes", 1), ("finish_timeout_ms", 1)):
        if getattr(llm, name) < least:
            problems.append(f"llm.{name}: expected at least {least}, got {getattr(llm, name)}")
    if not 0.0 <= llm.switching_cost <= 1.0:
        problems.append(f"llm.switching_cost: expected 0 to 1, got {llm.switching_cost}")
    if not (math.isfinite(llm.outcome_retry_s) and llm.outcome_retry_s >= 0.0):
        problems.append(f"llm.outcome_retry_s: expected a number of at least 0, got {llm.outcome_retry_s}")
    return problems


def _auto_problems(llm: LlmConfig, tiers: list[str]) -> list[str]:
    problems = []
    least = 0.0
    for at, auto in enumerate(llm.auto):
        where = f"llm.auto[{at}]"
        if auto.tier not in tiers:
            problems.append(f"{where}.tier: no tier {auto.tier!r}")
        if auto.below is None:
            if at < len(llm.auto) - 1:
                problems.append(f"{where}.below: is needed in all but the last")
        elif not (least < auto.below <= 1.0):
            problems.append(f"{where}.below: expected more than {least:g}, at most 1, got {auto.below}")
        else:
            least = auto.below
    for name, weight in llm.auto_weights.items():
        if name not in CHAT_NAMES:
            problems.append(f"llm.auto_weights.{name}: no such feature; there are: {', '.join(CHAT_NAMES)}")
        elif not math.isfinite(weight):
            problems.append(f"llm.auto_weights.{name}: expected a number, got {weight}")
    return problems


def _features_problems(llm: LlmConfig) -> list[str]:
    """Return what can be seen without loading anything: only the gateway has to have the class or the model."""
    name = llm.features
    if name is not None and name not in (CHAT, EMBEDDING) and not all(name.partition(":")):
        return [f"llm.features: expected {CHAT}, {EMBEDDING} or module:Class, got {name!r}"]
    if name == EMBEDDING and not llm.embedding_path:
        return ["llm.embedding_path: is needed for the features 'embedding': the folder of the model"]
    if name != EMBEDDING and llm.embedding_path is not None:
        return ["llm.embedding_path: is only for the features 'embedding'"]
    return []
