"""Learned state of one tier as a pure function of the outcome log, advanced one message at a time."""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from pointsman.contracts.messages.codec import decode
from pointsman.contracts.messages.errors import InvalidMessage, MessageError, UnknownVersion
from pointsman.contracts.messages.ids import parse_id
from pointsman.contracts.messages.imports import is_imported
from pointsman.contracts.messages.outcome import Outcome, outcome_decoder
from pointsman.contracts.messages.subjects import parse_tier
from pointsman.core.bandit import Alarm, Arm, ArmError, ContextError, Learner, Reward, conform
from pointsman.learning.applied_bits import AppliedBits


@dataclass(frozen=True, slots=True)
class Applied:
    """An outcome that was learned from, its reward, and the alarm about the arm that it raised."""

    sequence: int
    outcome: Outcome
    arm: Arm
    reward: Reward
    alarm: Alarm | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """An outcome that is not learned from.

    The reason is ``duplicate``, or ``degraded`` for every outcome with ``learn`` false (see `Outcome`), not only that
    of a degraded decision.
    """

    sequence: int
    reason: str


@dataclass(frozen=True, slots=True)
class Dead:
    """A message that is not a valid outcome, and the reason."""

    sequence: int
    reason: str


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A message of the log, decoded if it is a valid outcome; ``reason`` otherwise."""

    sequence: int
    at_ms: int
    outcome: Outcome | None
    reason: str = ""


def read_outcome(subject: str, data: bytes, sequence: int, at_ms: int) -> LogEntry:
    """Decode and validate a message of the outcome log.

    Raise `UnknownVersion` for a message of a newer Pointsman: it may not be skipped.
    """
    try:
        outcome = _decode(data)
        _check(outcome, parse_tier(subject))
    except UnknownVersion as error:
        raise UnknownVersion(f"{subject}, message {sequence}: {error}") from error
    except MessageError as error:
        return LogEntry(sequence, at_ms, None, str(error))
    return LogEntry(sequence, at_ms, outcome)


class _OutcomeWithAnyRule(Outcome, frozen=True, kw_only=True):
    rule: Any = None


_any_rule_decoder = msgspec.json.Decoder(_OutcomeWithAnyRule)


@dataclass(slots=True)
class TierLedger:
    """What one tier has learned, and from which outcomes.

    ``watermark``: sequence of the last message applied, whether it was learned from or not.
    ``watermark_at_ms``: when the log accepted that message. A log with another message there is not the one that was
    learned from.
    ``decision_high``: highest sequence of a decision that was learned from: a decision log that ends below it is an
    older copy.
    """

    learner: Learner = field(default_factory=Learner)
    bits: AppliedBits = field(default_factory=AppliedBits)
    watermark: int = 0
    watermark_at_ms: int = 0
    decision_high: int = 0

    def apply(self, entry: LogEntry) -> Applied | Skipped | Dead:
        """Apply the next message of the log.

        The same messages in the same order produce the same bytes, however they are batched.
        """
        self.watermark, self.watermark_at_ms = entry.sequence, entry.at_ms
        outcome = entry.outcome
        if outcome is None:
            return Dead(entry.sequence, entry.reason)
        if not outcome.learn:
            return Skipped(entry.sequence, "degraded")
        arm = Arm(outcome.provider, outcome.model)
        # All arms of a tier have the same dimension: a replica stacks them.
        dim = next((state.dim for state in self.learner.arms.values()), len(outcome.context))
        if len(outcome.context) != dim:
            reason = f"context: tier {outcome.tier} was learned with {dim} features, got {len(outcome.context)}"
            return Dead(entry.sequence, reason)
        if not self.bits.mark(outcome.decision_sequence):
            return Skipped(entry.sequence, "duplicate")
        if not is_imported(outcome.decision_sequence):
            self.decision_high = max(self.decision_high, outcome.decision_sequence)
        reward = self.learner.learn(
            arm,
            outcome.context,
            outcome.rule,
            sequence=entry.sequence,
            at_ms=entry.at_ms,
            quality=outcome.quality,
            cost_usd=outcome.cost_usd,
            latency_ms=outcome.latency_ms,
            reward=outcome.reward,
            estimate=outcome.estimate,
        )
        return Applied(entry.sequence, outcome, arm, reward, self.learner.take_alarm())


def _decode(data: bytes) -> Outcome:
    """Decode an outcome; the rule of one that is not learned from does not matter."""
    try:
        return decode(outcome_decoder, data)
    except InvalidMessage as error:
        if error.field.startswith("rule") and not (outcome := decode(_any_rule_decoder, data)).learn:
            return outcome
        raise


def _check(outcome: Outcome, tier: str) -> None:
    """Raise `InvalidMessage` for an outcome that the gateway does not write."""
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
