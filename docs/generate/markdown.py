"""The little Markdown that the made pages need."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

MADE = "<!-- Made by `python -m docs.generate`. Change what it is made from, not this file. -->"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table, with an empty line after it; nothing when there are no rows."""
    lines = [f"| {' | '.join(cell(text) for text in row)} |" for row in rows]
    if not lines:
        return []
    return [f"| {' | '.join(head)} |", "|" + "---|" * len(head), *lines, ""]


def cell(text: str) -> str:
    """Return text as it may stand in a table: on one line, with no column's edge in it."""
    return " ".join(text.split()).replace("|", "\\|")


def sentence(text: str) -> str:
    """Return text in one line, with a full stop at its end."""
    line = " ".join(text.split())
    return line if not line or line[-1] in ".:!?" else f"{line}."


def plain(docstring: str) -> str:
    """Return a docstring's text with code marked as Markdown does it."""
    return docstring.replace("``", "`")


def json_block(value: Any) -> list[str]:
    """Return an example as a block of JSON, short lists and objects on one line."""
    return ["```json", _json(value, ""), "```", ""]


def _json(value: Any, indent: str) -> str:
    flat = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(flat) <= 100 or not isinstance(value, dict | list) or not value:
        return flat
    deeper = indent + "  "
    if isinstance(value, dict):
        inner = [f"{deeper}{json.dumps(key)}: {_json(one, deeper)}" for key, one in value.items()]
        return "{\n" + ",\n".join(inner) + f"\n{indent}}}"
    return "[\n" + ",\n".join(f"{deeper}{_json(one, deeper)}" for one in value) + f"\n{indent}]"
