"""Arguments of tool calls: an object in the form, whatever the model wrote."""

from __future__ import annotations

from typing import Any

import msgspec

from pointsman.contracts.messages.nesting import is_too_deep
from pointsman.llm.conversation.form import UNREADABLE


def json_input(arguments: str | dict[str, Any] | None) -> dict[str, Any]:
    """Return the arguments of a call; nothing is the empty object.

    A model can write text that is no JSON object, for example when its answer was cut off, and its client sends that
    back in each later turn. It is then the value of `UNREADABLE`, so that the model sees what it wrote.
    """
    if isinstance(arguments, dict):
        return arguments if not is_too_deep(arguments) else {UNREADABLE: "nested too deep"}
    if arguments is None or not arguments.strip():
        return {}
    try:
        value = msgspec.json.decode(arguments)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        value = None
    if isinstance(value, dict) and not is_too_deep(value):
        return value
    return {UNREADABLE: arguments}
