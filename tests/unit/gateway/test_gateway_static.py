"""The dashboard's files, as they are found and served."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest
from starlette.responses import Response

from pointsman_gateway.http.problems import ProblemError
from pointsman_gateway.http.static_files import StaticFiles

FOLDER = files("pointsman_gateway.console") / "static"
STATIC = StaticFiles(FOLDER)
OWN = sorted(path for path in STATIC.files if path.startswith("dashboard/"))
UPLOT = "vendor/uplot-1.6.32/uPlot.iife.min.js"
INDEX = (FOLDER / "index.html").read_text(encoding="utf-8")


def get(path: str, known: str = "") -> Response:
    return STATIC.respond(path, known)


def imports(path: str) -> set[str]:
    """Return the files that a script loads, by their paths below ``static/``."""
    text = STATIC.files[path].body.decode()
    found = re.findall(r"""^import [^;]* from "([^"]+)";""", text, re.MULTILINE) + re.findall(
        r'import\("([^"]+)"\)', text
    )
    folder = path.rsplit("/", 1)[0]
    loaded = set()
    for name in found:
        parts = folder.split("/")
        for part in name.split("/"):
            if part == "..":
                parts.pop()
            elif part != ".":
                parts.append(part)
        loaded.add("/".join(parts))
    return loaded


@pytest.mark.parametrize(
    ("path", "content_type", "cached"),
    [
        ("dashboard/app.js", "text/javascript; charset=utf-8", "no-cache"),
        ("dashboard/dashboard.css", "text/css; charset=utf-8", "no-cache"),
        (UPLOT, "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"),
        ("vendor/uplot-1.6.32/LICENSE", "text/plain; charset=utf-8", "public, max-age=31536000, immutable"),
    ],
)
def test_a_file_has_its_type_and_cache_time(path: str, content_type: str, cached: str) -> None:
    answer = get(path)
    assert answer.status_code == 200
    assert answer.body == STATIC.files[path].body
    assert answer.headers["content-type"] == content_type
    assert answer.headers["cache-control"] == cached
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
def test_a_file_that_the_client_has_is_not_sent_again(form: str) -> None:
    etag = get("dashboard/app.js").headers["etag"]
    again = get("dashboard/app.js", known=form.format(etag))
    assert (again.status_code, again.body) == (304, b"")
    assert again.headers["etag"] == etag


def test_a_file_that_has_changed_is_sent() -> None:
    assert get("dashboard/app.js", known='"other"').status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "",
        "dashboard",
        "dashboard/",
        "nothing.js",
        "index.html",
        "docs.html",
        "../pages.py",
        "dashboard/../../pages.py",
        "dashboard/../index.html",
        "/etc/passwd",
        "//etc/passwd",
        "dashboard\\app.js",
        "dashboard/app.js\0",
        "DASHBOARD/app.js",
    ],
)
def test_no_other_path_leads_anywhere(path: str) -> None:
    with pytest.raises(ProblemError) as refused:
        get(path)
    assert refused.value.status == 404


def test_the_page_has_no_script_or_style_of_its_own() -> None:
    assert not re.search(r"<style|<script(?![^>]*\bsrc=)|\bstyle=|\bon[a-z]+=", INDEX)


def test_everything_that_is_loaded_is_there() -> None:
    loaded = {name.removeprefix("static/") for name in re.findall(r'(?:src|href)="(static/[^"]+)"', INDEX)}
    loaded |= {UPLOT}
    for path in OWN:
        loaded |= imports(path)
    assert loaded <= STATIC.files.keys()
    assert set(OWN) <= loaded  # and nothing lies about


@pytest.mark.parametrize("path", OWN)
def test_addresses_are_relative_and_no_other_host_is_requested(path: str) -> None:
    text = STATIC.files[path].body.decode().replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"""https?://|@import|\burl\(|["'`]/(v1|static|docs|readyz)""", text)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)


def test_the_library_is_there_with_its_licence() -> None:
    assert b"v1.6.32" in STATIC.files[UPLOT].body[:100]
    assert b"MIT" in STATIC.files["vendor/uplot-1.6.32/LICENSE"].body
