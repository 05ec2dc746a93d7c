"""One tier's state as a pure function of the outcome log, advanced one message at a time."""

from __future__ import annotations

from dataclasses import dataclass, field

from pointsman.contracts.messages.codec import decode
from pointsman.contracts.messages.errors import InvalidMessage, MessageError
from pointsman.contracts.messages.ids import parse_id
from pointsman.contracts.messages.outcome import Outcome, outcome_decoder
from pointsman.contracts.messages.subjects import parse_tier
from pointsman.core.bandit import Arm, ArmError, ContextError, Learner, Reward, conform
from pointsman.learning.applied import AppliedBits


@dataclass(frozen=True, slots=True)
class Applied:
    """An outcome that was learned from, and the reward it was given."""

    sequence: int
    outcome: Outcome
    arm: Arm
    reward: Reward


@dataclass(frozen=True, slots=True)
class Skipped:
    """An outcome that is not learned from: ``duplicate`` or ``degraded``."""

    sequence: int
    reason: str


@dataclass(frozen=True, slots=True)
class Dead:
    """A message that cannot be read as an outcome, and why."""

    sequence: int
    subject: str
    data: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Read:
    """A message of the log, decoded if it could be."""

    sequence: int
    at_ms: int
    subject: str
    data: bytes
    outcome: Outcome | None
    reason: str = ""


def read_outcome(subject: str, data: bytes, sequence: int, at_ms: int) -> Read:
    """Decode a message of the outcome log and check what must hold whoever wrote it."""
    try:
        outcome = decode(outcome_decoder, data)
        _check(outcome, parse_tier(subject))
    except MessageError as error:
        return Read(sequence, at_ms, subject, data, None, str(error))
    return Read(sequence, at_ms, subject, data, outcome)


@dataclass(slots=True)
class TierLedger:
    """What one tier has learned, and from which outcomes.

    Attributes
    ----------
    learner : Learner
    bits : AppliedBits
    watermark : int
        Last sequence of the log taken in, whether learned from or not.
    watermark_at_ms : int
        When the log accepted it. A log that has another message there is not the one that was learned from.
    decision_high : int
        Highest sequence of a decision that was learned from: a decision log that ends below it was put back.
    """

    learner: Learner = field(default_factory=Learner)
    bits: AppliedBits = field(default_factory=AppliedBits)
    watermark: int = 0
    watermark_at_ms: int = 0
    decision_high: int = 0

    def apply(self, read: Read) -> Applied | Skipped | Dead:
        """Take in the next message of the log.

        The same messages in the same order leave the same bytes, however they were batched.
        """
        self.watermark, self.watermark_at_ms = read.sequence, read.at_ms
        outcome = read.outcome
        if outcome is None:
            return Dead(read.sequence, read.subject, read.data, read.reason)
        if not outcome.learn:
            return Skipped(read.sequence, "degraded")
        arm = Arm(outcome.provider, outcome.model)
        # All arms of a tier have one dimension: a replica could not stack them otherwise.
        dim = next((state.dim for state in self.learner.arms.values()), len(outcome.context))
        if len(outcome.context) != dim:
            reason = f"context: tier {outcome.tier} was learned with {dim} features, got {len(outcome.context)}"
            return Dead(read.sequence, read.subject, read.data, reason)
        if not self.bits.mark(outcome.decision_sequence):
            return Skipped(read.sequence, "duplicate")
        self.decision_high = max(self.decision_high, outcome.decision_sequence)
        reward = self.learner.learn(
            arm,
            outcome.context,
            outcome.rule,
            sequence=read.sequence,
            at_ms=read.at_ms,
            quality=outcome.quality,
            cost_usd=outcome.cost_usd,
            latency_ms=outcome.latency_ms,
            reward=outcome.reward,
        )
        return Applied(read.sequence, outcome, arm, reward)


def _check(outcome: Outcome, tier: str) -> None:
    """Raise `InvalidMessage` for an outcome that the gateway would not have written."""
    if outcome.tier != tier:
        raise InvalidMessage("tier", f"{outcome.tier!r} in the log of {tier!r}")
    if not outcome.learn:
        return
    if parse_id(outcome.decision_id).sequence != outcome.decision_sequence:
        raise InvalidMessage("decision_sequence", f"{outcome.decision_sequence} is not that of {outcome.decision_id}")
    try:
        Arm.checked(outcome.provider, outcome.model)
        conform(outcome.context, max(len(outcome.context), 1))
    except ArmError as error:
        raise InvalidMessage("provider or model", str(error)) from error
    except ContextError as error:
        raise InvalidMessage("context", str(error)) from error
