"""The order of the pages: that of the links in the indexes, ``docs/README.md`` and ``docs/adr/README.md``."""

from __future__ import annotations

import posixpath
import re

START = "docs/README.md"
DECISIONS = "docs/adr/README.md"

_LINK = re.compile(r"\]\(([^)#:\s]+\.md)\)")


def sections(page: str, text: str) -> list[tuple[str, list[str]]]:
    """Return the navigation under an index: its headings of the second level, and the pages linked under each.

    A page stands where it is linked first. The navigation of the decisions about the design has those only, and no
    headings. A page that is no index has none.

    Parameters
    ----------
    page : str
        The path of the page from the root, as all paths here.
    text : str
        What is in it.
    """
    if page not in (START, DECISIONS):
        return []
    seen = {page}
    found: list[tuple[str, list[str]]] = [("", [])]
    for line in text.splitlines():
        if page == START and line.startswith("## "):
            found.append((line[3:].strip(), []))
        for target in _LINK.findall(line):
            linked = posixpath.normpath(posixpath.join(posixpath.dirname(page), target))
            if linked in seen or (page == DECISIONS and posixpath.dirname(linked) != posixpath.dirname(page)):
                continue
            seen.add(linked)
            found[-1][1].append(linked)
    return [section for section in found if section[1]]
