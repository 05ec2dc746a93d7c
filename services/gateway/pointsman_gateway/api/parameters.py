"""Query parameters that several endpoints have."""

import re
from typing import Annotated

from msgspec import Meta

from pointsman.contracts.messages.errors import InvalidMessage

MAX_WINDOW_HOURS = 90 * 24
DEFAULT_WINDOW = "7d"
_WINDOW = re.compile(r"([0-9]{1,6})([dhm])")

# The patterns are for readers of the OpenAPI document. A tier is looked up in the configuration, which is a 404.
TierName = Annotated[str, Meta(extra_json_schema={"pattern": "^[A-Za-z0-9_-]{1,64}$"})]
TierFilter = Annotated[TierName | None, Meta(description="Only this tier; all tiers by default")]
WindowText = Annotated[str, Meta(extra_json_schema={"pattern": "^[0-9]{1,6}[dhm]$"})]


def parse_window(text: str, field: str = "window") -> int:
    """Return the whole hours in ``7d``, ``24h`` or ``30m``; minutes are rounded up to hours."""
    match = _WINDOW.fullmatch(text)
    if match is None:
        raise InvalidMessage(field, f"expected a number with d, h or m, as in 7d, got {text[:80]!r}")
    number, unit = int(match[1]), match[2]
    hours = {"d": number * 24, "h": number, "m": -(-number // 60)}[unit]
    if not 1 <= hours <= MAX_WINDOW_HOURS:
        raise InvalidMessage(field, f"expected more than 0 and at most 90d, got {text}")
    return hours
