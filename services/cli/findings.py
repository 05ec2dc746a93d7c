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
    """

    subject: str
    ok: bool
    detail: str
    remedy: str = ""
