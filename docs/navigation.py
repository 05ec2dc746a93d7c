"""Navigation of the site: the order of the links in the indexes ``docs/README.md`` and ``docs/adr/README.md``."""

from __future__ import annotations

import posixpath
import re
from typing import NamedTuple

START = "docs/README.md"
DECISIONS = "docs/adr/README.md"

_LINK = re.compile(r"\[(?P<text>[^\]]+)\]\((?P<target>[^)#:\s]+\.md)\)")


class Entry(NamedTuple):
    """A page in the navigation; its own title is used where ``title`` is empty."""

    page: str
    title: str = ""


def sections(page: str, text: str) -> list[tuple[str, list[Entry]]]:
    """Return the navigation under an index: its headings of the second level, and the pages linked under each.

    A page appears where it is linked first, with the text of that link. The navigation of the ADRs contains only ADRs,
    with their own titles and without headings. A page that is not an index has no navigation.

    Parameters
    ----------
    page : str
        The path of the page from the repository's root, like all paths here.
    text : str
        Its content.
    """
    if page not in (START, DECISIONS):
        return []
    seen = {page}
    found: list[tuple[str, list[Entry]]] = [("", [])]
    for line in text.splitlines():
        if page == START and line.startswith("## "):
            found.append((line[3:].strip(), []))
        for link in _LINK.finditer(line):
            linked = posixpath.normpath(posixpath.join(posixpath.dirname(page), link["target"]))
            if linked in seen or (page == DECISIONS and posixpath.dirname(linked) != posixpath.dirname(page)):
                continue
            seen.add(linked)
            title = link["text"][0].upper() + link["text"][1:] if page == START else ""
            found[-1][1].append(Entry(linked, title))
    return [section for section in found if section[1]]
