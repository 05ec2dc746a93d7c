"""When to ask the same provider again, and how long to wait before."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

RETRYABLE = frozenset({408, 429, 500, 502, 503, 504, 520, 522, 524, 529})
"""Statuses after which the same request may succeed a little later: limits, trouble in front of the model, overload."""

ITS_FAULT = frozenset({400, 409, 413, 415, 422})
"""Statuses that say that the request itself is at fault."""

FIRST_WAIT_S = 0.25
LONGEST_WAIT_S = 4.0


def retry_after_s(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Return how long the provider asks to be left alone, in seconds; None when it does not say.

    ``retry-after-ms`` is OpenAI's and Azure's; ``Retry-After`` is RFC 9110, section 10.2.3: seconds or a date.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000.0
    text = headers.get("retry-after")
    seconds = _number(text)
    if seconds is not None or text is None:
        return seconds
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - (now or datetime.now(UTC))).total_seconds())


def wait_s(retry: int, asked_s: float | None, most_asked_s: float, draw: float | None = None) -> float | None:
    """Return how long to wait before a retry; None when that is too long to wait.

    Parameters
    ----------
    retry : int
        1 for the first retry.
    asked_s : float, optional
        What the provider asked for.
    most_asked_s : float
        The longest that is waited because the provider asked.
    draw : float, optional
        In [0, 1), for the jitter; random by default.
    """
    if asked_s is not None:
        return asked_s if asked_s <= most_asked_s else None
    draw = random.random() if draw is None else draw
    # Between half and all of a wait that doubles: clients that failed together come back apart.
    return min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** (retry - 1)) * (0.5 + 0.5 * draw)


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else None
    except ValueError:
        return None
    return number if number is not None and math.isfinite(number) and number >= 0.0 else None
