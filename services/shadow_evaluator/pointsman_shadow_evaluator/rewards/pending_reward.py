"""A validated reward from the stream, and the set of outcomes whose rewards were read."""

from dataclasses import dataclass

from pointsman.contracts.messages.codec import decode
from pointsman.contracts.messages.errors import InvalidMessage
from pointsman.contracts.messages.ids import parse_id
from pointsman.contracts.messages.outcome import RewardEvent, reward_decoder
from pointsman.contracts.messages.validation import MAX_MS
from pointsman.runtime.bus import StoredMessage
from pointsman.shadow.evaluation.decision_group import LoggedDecision

MAX_SEEN = 10_000
"""Outcomes above the complete ones that are stored one by one; a batch of the reward-updater has far fewer."""


@dataclass(slots=True)
class PendingReward:
    """A reward of the stream that is not joined yet.

    Attributes
    ----------
    position: Its sequence in the stream.
    at_ms: When the stream stored it.
    event: None if it does not count: it is invalid, or its outcome is not in the log.
    decision: Sequence of its decision; 0 without an event.
    lost: Whether the decision is no longer in the log.
    logged: The decision, after it was fetched.
    """

    position: int
    at_ms: int
    event: RewardEvent | None = None
    decision: int = 0
    nonce: str = ""
    lost: bool = False
    logged: LoggedDecision | None = None


def decode_reward(message: StoredMessage, tier: str) -> PendingReward:
    """Decode a reward and validate every number that is added to a sum.

    Raise `MessageError` if a reward-updater would not have written it.
    """
    event = decode(reward_decoder, message.data)
    if event.tier != tier:
        raise InvalidMessage("tier", f"{event.tier[:80]!r} among the rewards of {tier!r}")
    id_ = parse_id(event.decision_id)
    if id_.tier != tier or id_.sequence is None or id_.sequence >= 2**63:
        raise InvalidMessage("decision_id", "not of a decision of this tier")
    if not 0 <= event.complete_through < event.outcome_sequence:
        raise InvalidMessage("complete_through", f"expected less than {event.outcome_sequence}")
    if not 0 <= event.accepted_at_ms < MAX_MS:
        raise InvalidMessage("accepted_at_ms", "expected Unix milliseconds")
    return PendingReward(message.sequence, message.at_ms, event, id_.sequence, id_.nonce)


@dataclass(slots=True)
class SeenOutcomes:
    """The outcomes whose rewards were read, exact and compact.

    Attributes
    ----------
    complete: All outcomes up to this sequence.
    above: Outcomes above it. A batch of the reward-updater that failed and is repeated may leave gaps there.
    """

    complete: int
    above: set[int]

    def has(self, event: RewardEvent) -> bool:
        """Return whether this reward was read before."""
        return event.outcome_sequence <= self.complete or event.outcome_sequence in self.above

    def add(self, event: RewardEvent) -> bool:
        """Add a reward in the order of the stream; return whether it is new."""
        new = not self.has(event)
        if new:
            self.above.add(event.outcome_sequence)
        if event.complete_through > self.complete:
            self.complete = event.complete_through
            self.above = {sequence for sequence in self.above if sequence > self.complete}
        if len(self.above) > MAX_SEEN:
            kept = sorted(self.above)[-MAX_SEEN:]
            self.complete, self.above = kept[0], set(kept[1:])
        return new

    def truncate(self, end: int) -> bool:
        """Remove outcomes above the end of a log that was restored from an older copy; return whether any were."""
        if max(self.complete, *self.above, 0) <= end:
            return False
        self.complete = min(self.complete, end)
        self.above = {sequence for sequence in self.above if sequence <= end}
        return True
