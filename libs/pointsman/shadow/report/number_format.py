"""Numbers as reports say them."""

from __future__ import annotations

import math

from pointsman.shadow.report.messages import ReportedEstimate


def signed(number: float, digits: int = 1) -> str:
    """Return ``+1.9``, ``−0.4`` or ``0.0``."""
    text = f"{number:+.{digits}f}"
    return text[1:] if float(text) == 0.0 else text.replace("-", "−")


def dollars(number: float) -> str:
    """Return ``+$0.00125`` or ``−$0.4``, to three significant digits."""
    if number == 0.0:
        return "$0"
    places = max(0, 2 - math.floor(math.log10(abs(number))))
    digits = f"{abs(number):,.{places}f}"
    return f"{'−' if number < 0 else '+'}${digits.rstrip('0').rstrip('.') if places else digits}"


def per_thousand(usd: float) -> str:
    """Return a cost of one decision as that of 1,000: ``−$0.163``."""
    return dollars(1000.0 * usd)


def percent(share: float, digits: int = 1) -> str:
    """Return ``97.5 %``."""
    return f"{100.0 * share:.{digits}f} %"


def whole(number: float) -> str:
    """Return ``3,120``."""
    return f"{number:,.0f}"


def about(number: float) -> str:
    """Return a number to two significant digits: what it is a guess of deserves no more."""
    rounded = float(f"{number:.2g}")
    return f"{rounded:,.0f}"


def points(estimate: ReportedEstimate, always_valid: bool = True) -> str:
    """Return ``+1.9 (0.4 to 3.4)``, or as much of it as is known."""
    low, high = bounds(estimate, always_valid)
    if estimate.estimate is None:
        return "unknown"
    told = signed(estimate.estimate)
    return told if low is None or high is None else f"{told} ({span(low, high)})"


def bounds(estimate: ReportedEstimate, always_valid: bool = True) -> tuple[float | None, float | None]:
    """Return the interval that holds at every look, or the other one."""
    chosen = estimate.always_valid if always_valid else estimate
    return chosen.low, chosen.high


def span(low: float, high: float) -> str:
    """Return ``0.4 to 3.4``; signs only where they matter."""
    return f"{low:.1f} to {high:.1f}".replace("-", "−")
