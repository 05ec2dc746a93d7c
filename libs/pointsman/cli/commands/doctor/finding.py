"""Result of one check."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """Result of one check.

    Attributes
    ----------
    subject : str
        What was checked.
    detail : str
        What was found.
    remedy : str
        How to repair it, where it is not ok.
    serious : bool
        Whether the command fails when it is not ok; otherwise it prints a warning.
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
