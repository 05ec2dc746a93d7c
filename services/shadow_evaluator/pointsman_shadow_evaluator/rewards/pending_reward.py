"""A reward from the stream, checked; and which of them were there before."""

from __future__ import annotations

from dataclasses import dataclass

from pointsman.contracts.messages.codec import decode
from pointsman.contracts.messages.errors import InvalidMessage
from pointsman.contracts.messages.ids import DecisionId, parse_id
from pointsman.contracts.messages.outcome import RewardEvent, reward_decoder
from pointsman.contracts.messages.validation import MAX_MS
from pointsman.runtime.bus import StoredMessage
from pointsman.shadow.evaluation.decision_group import LoggedDecision

MAX_SEEN = 10_000
"""Outcomes above the complete ones that are remembered one by one; a batch of the reward-updater is far less."""


@dataclass(slots=True)
class PendingReward:
    """A reward of the stream.

    Attributes
    ----------
    position : int
        Its place in the stream.
    at_ms : int
        When the stream took it.
    event : RewardEvent or None
        None when it counts for nothing: it could not be read, or its outcome is not in the log.
    decision : int
        Sequence of its decision; 0 without an event.
    nonce : str
    gone : bool
        The decision is not in the log any more, and need not be waited for.
    logged : LoggedDecision or None
        The decision, once it was fetched.
    """

    position: int
    at_ms: int
    event: RewardEvent | None = None
    decision: int = 0
    nonce: str = ""
    gone: bool = False
    logged: LoggedDecision | None = None


def read_reward(message: StoredMessage, tier: str) -> PendingReward:
    """Decode a reward and check what is added up for ever.

    Raises
    ------
    MessageError
        When it is none that a reward-updater would have written.
    """
    event = decode(reward_decoder, message.data)
    if event.tier != tier:
        raise InvalidMessage("tier", f"{event.tier[:80]!r} among the rewards of {tier!r}")
    id_: DecisionId = parse_id(event.decision_id)
    if id_.tier != tier or id_.sequence is None or id_.sequence >= 2**63:
        raise InvalidMessage("decision_id", "not of a decision of this tier")
    if not 0 <= event.complete_through < event.outcome_sequence:
        raise InvalidMessage("complete_through", f"expected less than {event.outcome_sequence}")
    if not 0 <= event.accepted_at_ms < MAX_MS:
        raise InvalidMessage("accepted_at_ms", "expected Unix milliseconds")
    return PendingReward(message.sequence, message.at_ms, event, id_.sequence, id_.nonce)


@dataclass(slots=True)
class SeenOutcomes:
    """The outcomes whose rewards were read, exactly, in little room.

    Attributes
    ----------
    complete : int
        All up to this one.
    above : set of int
        Those above it. A batch that failed half-way, and comes again, may have left holes there.
    """

    complete: int
    above: set[int]

    def has(self, event: RewardEvent) -> bool:
        """Tell whether this reward was read before."""
        return event.outcome_sequence <= self.complete or event.outcome_sequence in self.above

    def add(self, event: RewardEvent) -> bool:
        """Take in a reward in the order of the stream; tell whether it is there for the first time."""
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

    def cut_at(self, end: int) -> bool:
        """Forget outcomes above the end of a log of which an older copy was put back; tell whether there were any."""
        if max(self.complete, *self.above, 0) <= end:
            return False
        self.complete = min(self.complete, end)
        self.above = {sequence for sequence in self.above if sequence <= end}
        return True
