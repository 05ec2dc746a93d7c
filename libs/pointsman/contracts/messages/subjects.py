"""Every subject, stream and bucket name. Nothing else in the code base spells one out.

Tier and policy names match ``[A-Za-z0-9_-]{1,64}``, so they are one token of a subject. Model names, which contain
dots and slashes, go into payloads only.
"""

from __future__ import annotations

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
"""The seven streams and what each one holds."""

POLICIES_BUCKET = "policies"
POLICIES_STREAM = f"KV_{POLICIES_BUCKET}"
"""The stream that NATS keeps the bucket in."""

POLICIES_SUBJECTS = f"$KV.{POLICIES_BUCKET}"
"""What the subjects of the bucket's stream begin with; the tier follows."""

DECISION_QUEUE = "decision"
ANY_DECIDE = "decide.*"
ANY_SCORE = "score.*"
ANY_ARMS = "arms.*"
ANY_DECISION = "decisions.*"
ANY_FALLBACK = "fallbacks.*"

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def check_name(name: str, field: str) -> str:
    """Return the name of a tier or policy if it can be a token of a subject; raise `InvalidMessage` otherwise."""
    if not _NAME.fullmatch(name):
        raise InvalidMessage(field, f"expected 1 to 64 of A-Z a-z 0-9 _ -, got {name[:80]!r}")
    return name


def decide(tier: str) -> str:
    """Request/reply: a context in, a decision out."""
    return f"decide.{tier}"


def score(tier: str) -> str:
    """Request/reply: a context in, what each candidate is worth out; nothing is decided."""
    return f"score.{tier}"


def status(service: str) -> str:
    """Request/reply: how one process of a service is; the same as its part of NATS' service statistics."""
    return f"status.{service}"


def decision_log(tier: str) -> str:
    """Stream DECISIONS: the log."""
    return f"log.decisions.{tier}"


def decision_topic(tier: str) -> str:
    """Core NATS: every decision with its final id, once it is in the log."""
    return f"decisions.{tier}"


def fallback_topic(tier: str) -> str:
    """Core NATS: every degraded answer, which no policy chose and no log has."""
    return f"fallbacks.{tier}"


def outcomes(tier: str) -> str:
    """Stream OUTCOMES: the log that learning is a pure function of."""
    return f"outcomes.{tier}"


def feedback(tier: str) -> str:
    """Stream FEEDBACK: what was measured and waits, and what users say of it."""
    return f"feedback.{tier}"


def rewards(tier: str) -> str:
    """Stream REWARDS: the reward that an outcome was given."""
    return f"rewards.{tier}"


def shadow(policy: str, tier: str) -> str:
    """Stream SHADOW: what a shadow policy would have done."""
    return f"shadow.{policy}.{tier}"


def arms(tier: str) -> str:
    """Core NATS: these arms have changed."""
    return f"arms.{tier}"


def alert(kind: str, tier: str) -> str:
    """Stream ALERTS: something that a person should look at."""
    return f"alerts.{kind}.{tier}"


def dead(stream: str) -> str:
    """Stream DEAD: messages of a stream that could not be read."""
    return f"dead.{stream.lower()}"


def tier_of(subject: str) -> str:
    """Return the tier, which is the last token of every subject that has one."""
    return subject.rpartition(".")[2]
