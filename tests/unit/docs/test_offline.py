"""References to other machines are found in the site's files."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from docs import DOCS
from docs.offline import outside_requests

MOST_BYTES = 60_000


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://host/a.js"></script>',
        '<link rel="stylesheet" href="//host/a.css">',
        "<img alt='x' src='http://host/a.png'>",
        "<style>@import 'https://host/a.css';</style>",
        "<style>p { background: url(https://host/a.png) }</style>",
    ],
)
def test_resource_from_another_host_is_found(tmp_path: Path, text: str) -> None:
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    assert [found.partition("/")[0] for found in outside_requests(tmp_path)] == ["page.html: host"]


def test_links_and_own_files_are_not_reported(tmp_path: Path) -> None:
    text = '<a href="https://host/">there</a><script src="../a.js"></script><svg xmlns="http://www.w3.org/2000/svg"/>'
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    assert list(outside_requests(tmp_path)) == []


def test_figures_are_small_well_formed_and_load_nothing() -> None:
    figures = sorted((DOCS / "figures").glob("*.svg"))
    assert figures
    for figure in figures:
        ET.fromstring(figure.read_bytes())
        assert figure.stat().st_size < MOST_BYTES, figure.name
    assert list(outside_requests(DOCS / "figures")) == []
