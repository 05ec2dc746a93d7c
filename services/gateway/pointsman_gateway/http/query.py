"""Reading query parameters strictly: an unknown one is most likely a typo, and is an error that names it."""

from __future__ import annotations

import re

from starlette.requests import Request

from pointsman.contracts.messages.errors import InvalidMessage

MAX_WINDOW_HOURS = 90 * 24
_WINDOW = re.compile(r"([0-9]{1,6})([dhm])")
_FLAGS = {"true": True, "1": True, "false": False, "0": False}


def read_query(request: Request, allowed: frozenset[str]) -> dict[str, str]:
    """Return the parameters by name, each at most once and none unknown."""
    found: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in allowed:
            known = f"expected one of {', '.join(sorted(allowed))}" if allowed else "expected none"
            raise InvalidMessage(name[:80], f"unknown parameter; {known}")
        if name in found:
            raise InvalidMessage(name, "expected once")
        found[name] = value
    return found


def parse_flag(text: str, field: str) -> bool:
    """Return true or false."""
    value = _FLAGS.get(text.lower())
    if value is None:
        raise InvalidMessage(field, f"expected true or false, got {text[:80]!r}")
    return value


def parse_window(text: str, field: str = "window") -> int:
    """Return the whole hours in ``7d``, ``24h`` or ``30m``; minutes are rounded up."""
    match = _WINDOW.fullmatch(text)
    if match is None:
        raise InvalidMessage(field, f"expected a number with d, h or m, as in 7d, got {text[:80]!r}")
    number, unit = int(match[1]), match[2]
    hours = {"d": number * 24, "h": number, "m": -(-number // 60)}[unit]
    if not 1 <= hours <= MAX_WINDOW_HOURS:
        raise InvalidMessage(field, f"expected more than nothing and at most 90d, got {text}")
    return hours
