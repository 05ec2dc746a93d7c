"""Names of all subjects, streams and buckets; no other module contains one.

Tier and policy names match ``[A-Za-z0-9_-]{1,64}``, so each is one token of a subject. Model names contain
dots and slashes and are therefore only in payloads.
"""

import re

from pointsman.contracts.messages.errors import InvalidMessage

DECISIONS = "DECISIONS"
OUTCOMES = "OUTCOMES"
REWARDS = "REWARDS"
SHADOW = "SHADOW"
ALERTS = "ALERTS"
DEAD = "DEAD"
FEEDBACK = "FEEDBACK"

STREAM_SUBJECTS = {
    DECISIONS: "log.decisions.*",
    OUTCOMES: "outcomes.*",
    REWARDS: "rewards.*",
    SHADOW: "shadow.*.*",
    ALERTS: "alerts.*.*",
    DEAD: "dead.*",
    FEEDBACK: "feedback.*",
}
"""Subjects of each of the seven streams."""

POLICIES_BUCKET = "policies"
POLICIES_STREAM = f"KV_{POLICIES_BUCKET}"
"""The stream behind the bucket."""

POLICIES_SUBJECTS = f"$KV.{POLICIES_BUCKET}"
"""Prefix of the subjects of the bucket's stream; the tier follows."""

PROBE_STREAM = "PROBE"
"""Stream that holds nothing of value: one message is written to it at intervals, to learn whether NATS can write."""

PROBE_SUBJECTS = "probe"
"""Prefix of the subjects of that stream; the service that writes follows."""

DECISION_QUEUE = "decision"
ANY_DECIDE = "decide.*"
ANY_SCORE = "score.*"
ANY_ARMS = "arms.*"
ANY_PULLS = "pulls.*"
ANY_DECISION = "decisions.*"
ANY_FALLBACK = "fallbacks.*"

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def check_name(name: str, field: str) -> str:
    """Return the name of a tier or policy, or raise `InvalidMessage` when it cannot be a token of a subject."""
    if not _NAME.fullmatch(name):
        raise InvalidMessage(field, f"expected 1 to 64 characters from A-Z a-z 0-9 _ -, got {name[:80]!r}")
    return name


def decide(tier: str) -> str:
    """Request/reply: return a decision for a context."""
    return f"decide.{tier}"


def score(tier: str) -> str:
    """Request/reply: return the scores of the candidates for a context, without a decision."""
    return f"score.{tier}"


def status(service: str) -> str:
    """Request/reply: return the status of one process of a service, as in its NATS service statistics."""
    return f"status.{service}"


def decision_log(tier: str) -> str:
    """Stream DECISIONS: the decision log."""
    return f"log.decisions.{tier}"


def decision_topic(tier: str) -> str:
    """Core NATS: every decision with its id, after it was logged."""
    return f"decisions.{tier}"


def fallback_topic(tier: str) -> str:
    """Core NATS: every degraded answer; it is not logged."""
    return f"fallbacks.{tier}"


def outcomes(tier: str) -> str:
    """Stream OUTCOMES: the outcome log; what is learned is a pure function of it."""
    return f"outcomes.{tier}"


def feedback(tier: str) -> str:
    """Stream FEEDBACK: pending outcomes, and the feedback on them."""
    return f"feedback.{tier}"


def rewards(tier: str) -> str:
    """Stream REWARDS: the rewards of the outcomes."""
    return f"rewards.{tier}"


def shadow(policy: str, tier: str) -> str:
    """Stream SHADOW: the choices that a shadow policy would have made."""
    return f"shadow.{policy}.{tier}"


def arms(tier: str) -> str:
    """Core NATS: changed arms."""
    return f"arms.{tier}"


def pulls(tier: str) -> str:
    """Core NATS: decisions for arms of which little is known yet, between the decision replicas."""
    return f"pulls.{tier}"


def alert(kind: str, tier: str) -> str:
    """Stream ALERTS: conditions that an operator should examine."""
    return f"alerts.{kind}.{tier}"


def dead(stream: str) -> str:
    """Stream DEAD: messages of a stream that could not be processed."""
    return f"dead.{stream.lower()}"


def parse_tier(subject: str) -> str:
    """Return the tier of a subject: its last token."""
    return subject.rpartition(".")[2]
