"""From the docstrings of the messages to the descriptions in their schemas, so that each is written once."""

from __future__ import annotations

import re
from typing import Any

_SECTION = re.compile(r"\n\s*Attributes\n\s*-+\n")
_HEADING = re.compile(r"(?P<names>[A-Za-z_]\w*(?:, [A-Za-z_]\w*)*)(?: : (?P<type>.*))?")


def describe_fields(schema: dict[str, Any], inherited: str = "") -> None:
    """Move the section ``Attributes`` of a schema's description to its properties, in place.

    Parameters
    ----------
    schema : dict
    inherited : str
        Docstring of the base type, whose fields the schema has too.
    """
    about, attributes = _split(schema.get("description", ""))
    if about:
        schema["description"] = _plain(" ".join(about.split()))
    for names, description in _attributes(_split(inherited)[1]) + _attributes(attributes):
        for name in names:
            if name in schema.get("properties", {}) and description:
                schema["properties"][name]["description"] = _plain(description)


def _split(docstring: str) -> tuple[str, str]:
    """Return what comes before the section ``Attributes``, and that section."""
    heading = _SECTION.search(docstring)
    return (docstring[: heading.start()], docstring[heading.end() :]) if heading else (docstring, "")


def _attributes(section: str) -> list[tuple[list[str], str]]:
    lines = [line for line in section.splitlines() if line.strip()]
    margin = min((len(line) - len(line.lstrip()) for line in lines), default=0)
    found: list[tuple[list[str], str]] = []
    for line in lines:
        heading = _HEADING.fullmatch(line.strip())
        if len(line) - len(line.lstrip()) == margin and heading:
            found.append((heading["names"].split(", "), ""))
        elif found:
            names, sofar = found[-1]
            found[-1] = (names, f"{sofar} {line.strip()}".strip())
    return found


def _plain(text: str) -> str:
    return text.replace("``", "`")
