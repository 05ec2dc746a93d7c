"""Decision ids: ``<tier>.<sequence>.<nonce>``.

The sequence is the decision's place in the DECISIONS stream, so that any service finds the decision with one direct
get and no index. The nonce makes ids unguessable, and tells a decision from another one that has the same place in a
log that was made anew. A decision that no policy made has ``fallback.<tier>.<nonce>``.
"""

from __future__ import annotations

import secrets
from typing import NamedTuple

from pointsman.contracts.messages.errors import MalformedId

FALLBACK = "fallback"
NONCE_LENGTH = 16
_HEX = frozenset("0123456789abcdef")


class DecisionId(NamedTuple):
    """A decision's place in the log. ``sequence`` is None for a fallback, which is in no log."""

    tier: str
    sequence: int | None
    nonce: str

    def __str__(self) -> str:
        """Return the id as clients see it."""
        if self.sequence is None:
            return f"{FALLBACK}.{self.tier}.{self.nonce}"
        return f"{self.tier}.{self.sequence}.{self.nonce}"

    @property
    def degraded(self) -> bool:
        """Tell whether no policy made the decision."""
        return self.sequence is None


def new_nonce() -> str:
    """Return 64 random bits as 16 hex digits."""
    return secrets.token_hex(NONCE_LENGTH // 2)


def is_nonce(text: str) -> bool:
    """Tell whether the text can be the random part of an id."""
    return len(text) == NONCE_LENGTH and _HEX.issuperset(text)


def parse_id(text: str) -> DecisionId:
    """Take an id apart.

    Raises
    ------
    MalformedId
        When the text is not of one of the two forms.
    """
    parts = text.split(".")
    if len(parts) != 3 or not is_nonce(parts[2]):
        raise MalformedId("not a decision id")
    first, second, nonce = parts
    if first == FALLBACK and second:  # no tier is called so: the configuration refuses it
        return DecisionId(second, None, nonce)
    # Without leading zeros, so that a decision has one id only.
    if not (first and second.isascii() and second.isdigit() and len(second) <= 19 and second[0] != "0"):
        raise MalformedId("not a decision id")
    return DecisionId(first, int(second), nonce)
