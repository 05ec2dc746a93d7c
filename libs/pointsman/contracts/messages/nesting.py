"""Limit on how deeply a client may nest JSON: every later step can then use recursion."""

from typing import Any

from pointsman.contracts.messages.errors import InvalidMessage

MAX_DEPTH = 128
"""Most lists and objects within each other, the value itself included; the usual limit of JSON parsers."""


def is_too_deep(value: Any) -> bool:
    """Return whether a decoded value is nested more deeply than `MAX_DEPTH`."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [
            part
            for whole in level
            if type(whole) is dict or type(whole) is list
            for part in (whole.values() if type(whole) is dict else whole)
        ]
        if not level:
            return False
    return True


def check_nesting(value: Any, field: str = "") -> None:
    """Raise `InvalidMessage` for a value that is too deep."""
    if is_too_deep(value):
        raise InvalidMessage(field, f"expected at most {MAX_DEPTH} lists and objects within each other")
