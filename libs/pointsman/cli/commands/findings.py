"""What one check of ``pointsman doctor`` found."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """One thing that was checked.

    Attributes
    ----------
    subject : str
        What was checked.
    ok : bool
    detail : str
        What was found.
    remedy : str
        What to do about it, where something is wrong.
    serious : bool
        Whether what is not right makes the doctor fail; otherwise it warns.
    """

    subject: str
    ok: bool
    detail: str
    remedy: str = ""
    serious: bool = True

    @property
    def wrong(self) -> bool:
        """Whether the doctor fails because of it."""
        return self.serious and not self.ok
