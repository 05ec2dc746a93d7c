"""Decision ids: ``<tier>.<sequence>.<nonce>``.

The sequence is that of the message in the DECISIONS stream, so that every service finds the decision with one direct
get and without an index. The nonce makes ids unguessable, and distinguishes decisions with the same sequence if the
stream is recreated. A degraded decision, which no policy made, has the id ``fallback.<tier>.<nonce>``.
"""

import secrets
from typing import NamedTuple

from pointsman.contracts.messages.errors import MalformedId

FALLBACK = "fallback"
NONCE_LENGTH = 16
_HEX = frozenset("0123456789abcdef")


class DecisionId(NamedTuple):
    """Tier, log sequence and nonce of a decision. ``sequence`` is None for a degraded decision, which is not logged."""

    tier: str
    sequence: int | None
    nonce: str

    def __str__(self) -> str:
        """Return the id in the form that clients use."""
        if self.sequence is None:
            return f"{FALLBACK}.{self.tier}.{self.nonce}"
        return f"{self.tier}.{self.sequence}.{self.nonce}"

    @property
    def degraded(self) -> bool:
        """Whether no policy made the decision."""
        return self.sequence is None


def new_nonce() -> str:
    """Return 64 random bits as 16 hex digits."""
    return secrets.token_hex(NONCE_LENGTH // 2)


def is_nonce(text: str) -> bool:
    """Return whether the text has the form of a nonce."""
    return len(text) == NONCE_LENGTH and _HEX.issuperset(text)


def parse_id(text: str) -> DecisionId:
    """Parse an id.

    Raises
    ------
    MalformedId
        When the text has neither of the two forms.
    """
    parts = text.split(".")
    if len(parts) != 3 or not is_nonce(parts[2]):
        raise MalformedId("not a decision id")
    first, second, nonce = parts
    if first == FALLBACK and second:  # the configuration refuses a tier of this name
        return DecisionId(second, None, nonce)
    # No leading zeros, so that a decision has exactly one id.
    if not (first and second.isascii() and second.isdigit() and len(second) <= 19 and second[0] != "0"):
        raise MalformedId("not a decision id")
    return DecisionId(first, int(second), nonce)
