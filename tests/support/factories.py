"""Messages for tests: ordinary values, of which a test states only those that matter to it."""

from __future__ import annotations

from typing import Any

from pointsman.contracts.messages.decision import Decision
from pointsman.contracts.messages.outcome import Outcome, RewardEvent

NONCE = "0123456789abcdef"


def make_decision(sequence: int = 1, tier: str = "T", **fields: Any) -> Decision:
    """Decision of the policy ``l``, by its place in the decision log."""
    ordinary: dict[str, Any] = {
        "decision_id": f"{tier}.{sequence}.{NONCE}",
        "tier": tier,
        "provider": "p",
        "model": "m",
        "policy": "l",
        "policy_version": 1,
        "propensity": 0.5,
        "explored": False,
        "degraded": False,
        "stale": False,
        "state_age_ms": 1,
        "scores": [],
    }
    return Decision(**{**ordinary, **fields})


def make_outcome(sequence: int, tier: str = "T", **fields: Any) -> Outcome:
    """Outcome of a decision, by the place of the decision in its log."""
    ordinary: dict[str, Any] = {
        "decision_id": f"{tier}.{sequence}.{NONCE}",
        "tier": tier,
        "provider": "p",
        "model": "m",
        "decision_sequence": sequence,
        "accepted_at_ms": 1,
    }
    return Outcome(**{**ordinary, **fields})


def make_reward(sequence: int, tier: str = "T", **fields: Any) -> RewardEvent:
    """Reward of an outcome, by the place of the outcome in its log."""
    ordinary: dict[str, Any] = {
        "decision_id": f"{tier}.{sequence}.{sequence:016x}",
        "tier": tier,
        "provider": "p",
        "model": "a",
        "outcome_sequence": sequence,
        "reward": 50.0,
        "quality": 50.0,
    }
    return RewardEvent(**{**ordinary, **fields})
