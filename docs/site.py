"""Sphinx extension: navigation, links to folders, and the check that the site loads nothing from the network."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path, PurePosixPath
from typing import Any

from docs import DOCS
from docs.navigation import Entry, sections
from docs.offline import outside_requests

ROOT = DOCS.parent
_TO_FOLDER = re.compile(r"\[(?P<text>[^\]]*)\]\((?P<target>[^)#:\s]+?)/?\)")


class SiteNeedsNetwork(Exception):
    """A page loads something from another machine."""


def setup(app: Any) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("source-read", read_source)
    app.connect("build-finished", check_offline)
    return {"parallel_read_safe": True}


def read_source(_app: Any, name: str, content: list[str]) -> None:
    """Add the navigation to an index page, and replace links to folders, which the site does not have."""
    page = f"{name}.md"
    text = _TO_FOLDER.sub(lambda link: _folder_link(page, link), content[0])
    content[0] = "\n".join([text, *(line for section in sections(page, text) for line in _toctree(*section))])


def check_offline(app: Any, error: Exception | None) -> None:
    """Raise `SiteNeedsNetwork` when a page loads something from another machine."""
    asked = list(outside_requests(Path(app.outdir))) if error is None else []
    if asked:
        raise SiteNeedsNetwork("\n".join(asked[:20]))


def _folder_link(page: str, link: re.Match[str]) -> str:
    """Return a link to a folder as a link to its README, or as text if it has none; other links unchanged."""
    folder = ROOT / posixpath.normpath(posixpath.join(posixpath.dirname(page), link["target"]))
    if not folder.is_dir():
        return link[0]
    return f"[{link['text']}]({link['target']}/README.md)" if (folder / "README.md").exists() else link["text"]


def _toctree(caption: str, entries: list[Entry]) -> list[str]:
    names = ["/" + str(PurePosixPath(entry.page).with_suffix("")) for entry in entries]
    shown = [f"{entry.title} <{name}>" if entry.title else name for entry, name in zip(entries, names, strict=True)]
    return ["", "```{toctree}", ":hidden:", *([f":caption: {caption}"] if caption else []), "", *shown, "```"]
