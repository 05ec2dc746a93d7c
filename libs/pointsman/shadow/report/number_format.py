"""Numbers, estimates and intervals as text."""

import math
from collections.abc import Callable

from pointsman.shadow.report.messages import ReportedEstimate

NumberFormat = Callable[[float], str]


def signed(number: float, digits: int = 1) -> str:
    """Return ``+1.9``, ``−0.4`` or ``0.0``."""
    text = f"{number:+.{digits}f}"
    return text[1:] if float(text) == 0.0 else text.replace("-", "−")


def plain(number: float) -> str:
    """Return ``1.9`` or ``−0.4``."""
    return f"{number:.1f}".replace("-", "−")


def dollars(number: float) -> str:
    """Return ``+$0.00125`` or ``−$0.4``, to three significant digits."""
    if number == 0.0:
        return "$0"
    places = max(0, 2 - math.floor(math.log10(abs(number))))
    digits = f"{abs(number):,.{places}f}"
    return f"{'−' if number < 0 else '+'}${digits.rstrip('0').rstrip('.') if places else digits}"


def per_thousand(usd: float) -> str:
    """Return the cost of one decision as that of 1,000: ``−$0.163``."""
    return dollars(1000.0 * usd)


def percent(share: float, digits: int = 1) -> str:
    """Return ``97.5 %``."""
    return f"{100.0 * share:.{digits}f} %"


def whole(number: float) -> str:
    """Return ``3,120``."""
    return f"{number:,.0f}"


def about(number: float) -> str:
    """Return a number to two significant digits, for a rough estimate."""
    return whole(float(f"{number:.2g}"))


def bounds(estimate: ReportedEstimate, always_valid: bool = True) -> tuple[float, float] | None:
    """Return the always-valid interval, or the one for a single look; None if it is unknown."""
    chosen = estimate.always_valid if always_valid else estimate
    return None if chosen.low is None or chosen.high is None else (chosen.low, chosen.high)


def span(low: float, high: float, number_format: NumberFormat = plain) -> str:
    """Return ``0.4 to 3.4``."""
    return f"{number_format(low)} to {number_format(high)}"


def interval(estimate: ReportedEstimate, number_format: NumberFormat, always_valid: bool = True) -> str:
    """Return ``+0.4 to +3.4``; empty if the interval is unknown."""
    known = bounds(estimate, always_valid)
    return span(*known, number_format) if known else ""


def with_interval(
    estimate: ReportedEstimate,
    number_format: NumberFormat,
    interval_format: NumberFormat | None = None,
    always_valid: bool = True,
    unknown: str = "–",
) -> str:
    """Return ``+1.9 (+0.4 to +3.4)``, or the part of it that is known."""
    if estimate.estimate is None:
        return unknown
    text, shown = number_format(estimate.estimate), interval(estimate, interval_format or number_format, always_valid)
    return f"{text} ({shown})" if shown else text


def points(estimate: ReportedEstimate, always_valid: bool = True) -> str:
    """Return ``+1.9 (0.4 to 3.4)``, or the part of it that is known."""
    return with_interval(estimate, signed, plain, always_valid, unknown="unknown")
