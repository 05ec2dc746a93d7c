"""Reader of a client's body that reports fields of the wrong type by their path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from pointsman.llm.conversation.form import CacheMark
from pointsman.llm.providers.failure import Untranslatable
from pointsman.llm.request import Dialect

MAX_SHOWN_CHARS = 80
"""How much of a client's value an error repeats."""


class BodyReader:
    """Reads bodies of the client's dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect: Dialect = dialect

    def refuse(self, path: str, why: str) -> NoReturn:
        """Raise `Untranslatable` for a field."""
        raise Untranslatable(path, why, dialect=self._dialect)

    def object(self, value: Any, path: str) -> dict[str, Any]:
        """Return the value, which must be an object."""
        if not isinstance(value, dict):
            self.refuse(path, "expected an object")
        return value

    def word(self, whole: Mapping[str, Any], name: str, path: str) -> str | None:
        """Return a field that is one of several words, such as ``type``: a string or absent; ``path`` is its object's.

        Only strings may be looked up in sets and tables: a list cannot.
        """
        value = whole.get(name)
        return None if value is None else self.text(value, f"{path}.{name}" if path else name)

    def refuse_word(self, word: str | None, path: str) -> NoReturn:
        """Refuse a part of a kind that this model's provider does not have."""
        shown = "part without a type" if word is None else repr(word[:MAX_SHOWN_CHARS])
        self.refuse(path, f"this model's provider takes no {shown} here")

    def text(self, value: Any, path: str) -> str:
        """Return the value, which must be a string."""
        if not isinstance(value, str):
            self.refuse(path, "expected a string")
        return value

    def objects(self, value: Any, path: str) -> Iterator[tuple[dict[str, Any], str]]:
        """Yield the objects of a list, each with its path."""
        if not isinstance(value, list):
            self.refuse(path, "expected a list")
        for at, item in enumerate(value):
            where = f"{path}[{at}]"
            yield self.object(item, where), where


def field_names(text: str) -> frozenset[str]:
    """Return the names in a text, which are separated by spaces."""
    return frozenset(text.split())


def cache_mark(part: Mapping[str, Any]) -> CacheMark | None:
    """Return the mark in ``cache_control`` of a part, a tool or a message; clients of both dialects send it."""
    control = part.get("cache_control")
    if not isinstance(control, dict):
        return None
    ttl = control.get("ttl")
    return CacheMark(ttl if isinstance(ttl, str) else None)


def data_url(url: str) -> tuple[str, str] | None:
    """Return media type and base64 text of a ``data:`` URL (RFC 2397); None for another URL."""
    if url[:5].lower() != "data:":
        return None
    head, comma, data = url[5:].partition(",")
    media_type, *parameters = head.split(";")
    return (media_type.lower(), data) if comma and "base64" in parameters else None
