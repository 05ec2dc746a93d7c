"""Links between the pages: each target file and heading exists."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from docs import DOCS
from docs.generate.anchors import headings, slug
from docs.navigation import DECISIONS, START, sections

ROOT = DOCS.parent
NOT_OURS = {".venv", ".venv-litellm", "node_modules", "build", "data", ".demo", ".git", ".pytest_cache", ".hypothesis"}
PAGES = sorted(
    file.relative_to(ROOT)
    for file in [
        *ROOT.glob("*.md"),
        *(f for d in ROOT.iterdir() if d.is_dir() and d.name not in NOT_OURS for f in d.rglob("*.md")),
    ]
)
_LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
_CODE = re.compile(r"^( *```).*?^\1|`[^`\n]*`", re.DOTALL | re.MULTILINE)


def links(page: Path) -> list[str]:
    """Return the targets of a page's links, except links in code and to other hosts."""
    text = _CODE.sub("", (ROOT / page).read_text(encoding="utf-8"))
    found = [link["target"] for link in _LINK.finditer(text)]
    return [target for target in found if not re.match(r"[a-z]+:", target)]


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_relative_link_resolves(page: Path) -> None:
    broken = []
    for target in links(page):
        path, _, anchor = unquote(target).partition("#")
        file = ROOT / page.parent / path if path else ROOT / page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in headings(file)):
            broken.append(target)
    assert broken == [], f"{page}: no such file or heading"


def test_every_page_is_reachable_from_the_index() -> None:
    seen, todo = set(), [START]
    while todo:
        page = todo.pop()
        if page in seen:
            continue
        seen.add(page)
        text = (ROOT / page).read_text(encoding="utf-8")
        todo += [entry.page for _, entries in sections(page, text) for entry in entries]
    pages = {str(file.relative_to(ROOT)) for file in DOCS.rglob("*.md")}
    assert pages - seen == set(), f"link them in {START} or {DECISIONS}"


def test_page_appears_in_the_navigation_where_it_is_linked_first() -> None:
    text = "[a](../A.md)\n## One\n[b](b.md), [c](c.md#part) and [d](adr/README.md)\n## Two\n[b](b.md) [e](./e.md)\n"
    assert sections(START, text) == [
        ("", [("A.md", "A")]),
        ("One", [("docs/b.md", "B"), ("docs/adr/README.md", "D")]),
        ("Two", [("docs/e.md", "E")]),
    ]
    assert sections(DECISIONS, "[1](0001.md) [x](../x.md)") == [("", [("docs/adr/0001.md", "")])]
    assert sections("docs/b.md", text) == []


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("What a policy learns from", "what-a-policy-learns-from"),
        ("`[policy]`, `[tier.policy]` and `[[shadow]]`", "policy-tierpolicy-and-shadow"),
        ("POST /v1/policies/{tier}", "post-v1policiestier"),
        ("[A link](there.md), two", "a-link-two"),
    ],
)
def test_slug_matches_github(heading: str, anchor: str) -> None:
    assert slug(heading) == anchor


def test_repeated_heading_gets_a_number(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Same\n```\n# no heading\n```\n## Same\n", encoding="utf-8")
    assert list(headings(page)) == ["same", "same-1"]


def test_every_figure_exists_and_is_shown_on_a_page() -> None:
    shown = {
        posixpath.normpath(posixpath.join(str(page.parent), target))
        for page in PAGES
        for target in links(page)
        if target.endswith(".svg")
    }
    assert {str(file.relative_to(ROOT)) for file in (DOCS / "figures").glob("*.svg")} == {
        one for one in shown if one.startswith("docs/figures/")
    }
