"""The generated pages and their generators."""

from __future__ import annotations

from collections.abc import Callable

from docs import DOCS
from docs.generate import api, asyncapi, benchmarks, settings, subjects

PAGES: dict[str, Callable[[], str]] = {
    "reference/api.md": api.page,
    "reference/asyncapi.json": asyncapi.page,
    "explanation/benchmarks.md": benchmarks.page,
    "reference/settings.md": settings.page,
    "reference/subjects.md": subjects.page,
}
"""By the file's path in ``docs/``."""


def outdated() -> dict[str, str]:
    """Return the pages whose file is missing or out of date, with their new text."""
    made = {name: page() for name, page in PAGES.items()}
    return {name: text for name, text in made.items() if _there(name) != text}


def _there(name: str) -> str | None:
    file = DOCS / name
    return file.read_text(encoding="utf-8") if file.exists() else None
