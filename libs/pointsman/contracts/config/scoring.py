"""Who judges answers: ``[scoring]``."""

from __future__ import annotations

import re
from typing import Any

from pointsman.contracts.config.section import Section

DEFAULT = "default"
_PATH = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


class ScoringConfig(Section, frozen=True, kw_only=True):
    """``[scoring]``.

    Attributes
    ----------
    scorer : str
        What makes the quality of an answer: ``default``, or ``module:Class``.
    parameters : table
        Keyword arguments of the class.
    """

    scorer: str = DEFAULT
    parameters: dict[str, Any] = {}


def check_scoring(scoring: ScoringConfig) -> list[str]:
    """Return what is wrong with the section; whether the class can be loaded is for the gateway to find out."""
    if scoring.scorer != DEFAULT and not _PATH.fullmatch(scoring.scorer):
        return [f"scoring.scorer: expected {DEFAULT!r} or module:Class, got {scoring.scorer[:80]!r}"]
    return []
