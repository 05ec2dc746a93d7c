"""Paragraphs of the pages of results."""

import textwrap


def paragraph(text: str) -> list[str]:
    """Return the lines of a paragraph of Markdown, and an empty one."""
    return [*textwrap.wrap(text, 120, break_long_words=False, break_on_hyphens=False), ""]
