"""Retry policy: which failures of a provider are retried, and after which delay.

The loop that applies it is `Upstream.open`; it retries only before the first byte of an answer.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from pointsman.runtime.backoff import backoff_s

RETRYABLE_STATUSES = frozenset({408, 429, 500, 502, 503, 504, 520, 522, 524, 529})
"""Statuses after which the same request may succeed a moment later: rate limits, proxy errors, overload."""

FIRST_RETRY_DELAY_S = 0.25
MAX_RETRY_DELAY_S = 4.0
MAX_REQUESTED_DELAY_S = 24 * 3600.0
"""A longer ``Retry-After`` is reported as this one."""


def retry_after_s(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Return the delay in seconds that the provider requests; None when it requests none.

    ``retry-after-ms`` is sent by OpenAI and Azure; ``Retry-After`` is RFC 9110, section 10.2.3: seconds or a date.
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
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return max(0.0, min(MAX_REQUESTED_DELAY_S, (at - (now or datetime.now(UTC))).total_seconds()))
    except (ValueError, TypeError, OverflowError):  # dates of any kind, such as in the year 10^30
        return None


def retry_delay_s(
    retry: int, requested_s: float | None, max_requested_s: float, draw: float | None = None
) -> float | None:
    """Return the delay before a retry; None when the provider requests a longer one than ``max_requested_s``.

    The first retry is 1; the jitter ``draw`` is in [0, 1), random by default.
    """
    if requested_s is not None:
        return requested_s if requested_s <= max_requested_s else None
    draw = random.random() if draw is None else draw
    # Between half and all of a delay that doubles, so that clients that failed together do not retry together.
    return backoff_s(retry, FIRST_RETRY_DELAY_S, MAX_RETRY_DELAY_S) * (0.5 + 0.5 * draw)


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else None
    except ValueError:
        return None
    if number is None or not math.isfinite(number) or number < 0.0:
        return None
    return min(number, MAX_REQUESTED_DELAY_S)
