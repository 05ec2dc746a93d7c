"""Anchors of headings, as GitHub and the documentation site create them."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$")
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")


def slug(heading: str) -> str:
    """Return the anchor of a heading: lower case, with hyphens for spaces and without punctuation."""
    text = _LINK.sub(r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def headings(page: Path) -> dict[str, str]:
    """Return a page's headings by anchor, in order; the second of the same name ends in ``-1``, as on GitHub."""
    found: dict[str, str] = {}
    seen: Counter[str] = Counter()
    fenced = False
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        heading = None if fenced else _HEADING.match(line)
        if heading:
            anchor = slug(heading[1])
            found[f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor] = heading[1]
            seen[anchor] += 1
    return found
