"""Result of one check."""

from typing import NamedTuple


class Finding(NamedTuple):
    """Result of one check.

    Attributes
    ----------
    subject: What was checked.
    detail: What was found.
    remedy: How to repair it, where it is not ok.
    serious: Whether the command fails when it is not ok; otherwise it prints a warning.
    """

    subject: str
    ok: bool
    detail: str
    remedy: str = ""
    serious: bool = True

    @property
    def wrong(self) -> bool:
        """Whether the command fails because of it."""
        return self.serious and not self.ok
