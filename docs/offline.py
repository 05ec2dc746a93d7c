"""Find references of the site to other machines: scripts, styles, fonts and images."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

_ELSEWHERE = r"""["']?\s*(?:https?:)?//(?P<where>[^"'\s)>]+)"""
_LOADED = re.compile(
    rf"<(?:script|link|img|iframe|source|video|audio|embed|object|use)\b[^>]*?\b(?:src|href|data|srcset)\s*=\s*{_ELSEWHERE}",
    re.IGNORECASE,
)
_STYLED = re.compile(rf"(?:url\(|@import\s)\s*{_ELSEWHERE}", re.IGNORECASE)


def outside_requests(site: Path) -> Iterator[str]:
    """Yield each resource that a browser would load from another machine, with its file; links do not count."""
    for file in sorted(site.rglob("*")):
        patterns = {".html": (_LOADED, _STYLED), ".css": (_STYLED,), ".svg": (_LOADED, _STYLED)}.get(file.suffix, ())
        for pattern in patterns:
            for found in pattern.finditer(file.read_text(encoding="utf-8")):
                yield f"{file.relative_to(site)}: {found['where']}"
