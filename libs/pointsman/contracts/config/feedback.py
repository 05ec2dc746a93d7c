"""What feedback may be told as, beside quality and thumbs: ``[[metric]]``."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from pointsman.contracts.config.section import Section

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class MetricConfig(Section, frozen=True, kw_only=True):
    """``[[metric]]``: a number that somebody else measures, and what it says of quality.

    Attributes
    ----------
    name : str
        What feedback calls it.
    low : float
        The value that is quality 0.
    high : float
        The value that is quality 100; below ``low`` where less is better. Values beyond the two count as they do.
    """

    name: str
    low: float = 0.0
    high: float = 1.0

    def quality(self, value: float) -> float:
        """Return the quality, 0 to 100, that a value stands for."""
        return min(max(100.0 * (value - self.low) / (self.high - self.low), 0.0), 100.0)


def check_metrics(configured: Iterable[MetricConfig]) -> list[str]:
    """Return what is wrong with the ``[[metric]]`` sections."""
    problems = []
    seen: set[str] = set()
    for at, metric in enumerate(configured):
        where = f"metric[{at}]"
        if not _NAME.fullmatch(metric.name):
            problems.append(f"{where}.name: expected 1 to 64 of A-Z a-z 0-9 _ . -, got {metric.name[:80]!r}")
        if metric.name in seen:
            problems.append(f"{where}.name: {metric.name!r} is used twice")
        seen.add(metric.name)
        if not (math.isfinite(metric.low) and math.isfinite(metric.high) and metric.low != metric.high):
            problems.append(f"{where}: expected low and high that differ, got {metric.low:g} and {metric.high:g}")
    return problems
