"""Generated pages: the committed files are up to date with the code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from docs import DOCS
from docs.generate import benchmarks
from docs.generate.pages import PAGES
from pointsman_gateway.registry import openapi_document

MAKE = "run `make docs-pages`"


@pytest.mark.parametrize("name", PAGES)
def test_made_page_is_up_to_date(name: str) -> None:
    there = (DOCS / name).read_text(encoding="utf-8")
    assert there == PAGES[name](), f"docs/{name} is out of date: {MAKE}"


def test_api_page_has_every_route_and_every_type() -> None:
    page, api = (DOCS / "reference" / "api.md").read_text(encoding="utf-8"), json.loads(openapi_document())
    routes = [f"### {method.upper()} {path}\n" for path, methods in api["paths"].items() for method in methods]
    types = [f"### {name}\n" for name in api["components"]["schemas"]]
    assert [heading for heading in routes + types if heading not in page] == []


def test_plots_show_the_latest_results() -> None:
    _, results = benchmarks.latest()
    for part in benchmarks.FIGURES.keys() & results.keys():
        plot = (DOCS / "figures" / f"benchmark-{part}.svg").read_text(encoding="utf-8")
        assert f"results of {results['at']}" in plot, "run `make docs-figures NAMES=benchmarks`"


def test_latest_results_are_the_newest_measurement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, at in {"b": "2026-01-02T00:00:00Z", "a": "2026-03-01T00:00:00Z", "c": "2026-02-01T00:00:00Z"}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps({"at": at, "machine": {}}))
    (tmp_path / "other.json").write_text(json.dumps({"at": "2027-01-01T00:00:00Z"}))
    monkeypatch.setattr(benchmarks, "RESULTS", tmp_path)
    assert benchmarks.latest()[0].name == "a.json"
