"""From the outcome log to what is learned: one deterministic step for each message, whoever takes it."""

from pointsman.learning.applied import AppliedBits
from pointsman.learning.ledger import Applied, Dead, Read, Skipped, TierLedger, read_outcome

__all__ = ["Applied", "AppliedBits", "Dead", "Read", "Skipped", "TierLedger", "read_outcome"]
