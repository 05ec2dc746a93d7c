"""Pages, scripts and styles of the dashboard, and the OpenAPI document; all are read once at the start."""

import hashlib
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath

from starlette.requests import Request
from starlette.responses import Response

from pointsman_gateway.http.endpoint import AnswerType, HttpEndpoint
from pointsman_gateway.http.problems import ProblemError
from pointsman_gateway.http.response import HTML, JSON, HttpResponse

_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
_PLAIN = "text/plain; charset=utf-8"
FOLDERS = ("dashboard", "vendor")
VENDOR = "vendor/"
"""Files of this folder have their version in the path, so they never change."""

_SAME = "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_DASHBOARD = f"default-src 'none'; style-src 'self'; script-src 'self'; {_SAME}"
_DOCS = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; {_SAME}"


_HTML_PAGE = AnswerType("A page", text=("text/html",))


def _page(path: str, name: str, summary: str, answer: AnswerType) -> HttpEndpoint:
    return HttpEndpoint(f"GET {path}", name=name, tag="operations", summary=summary, query=None, answers={200: answer})


class PagesHandler:
    """Serves ``/``, ``/docs``, ``/openapi.json`` and ``/static/``. No page loads anything from another host."""

    def __init__(self, openapi: bytes) -> None:
        folder = files("pointsman_gateway.console") / "static"
        self._static = StaticFiles(folder)
        self._index = HttpResponse(200, (folder / "index.html").read_bytes(), HTML, _page_headers(_DASHBOARD))
        self._docs = HttpResponse(200, (folder / "docs.html").read_bytes(), HTML, _page_headers(_DOCS))
        self._openapi = HttpResponse(200, openapi, JSON)

    @_page("/openapi.json", "getOpenApi", "Get this description", AnswerType("OpenAPI 3.1", dict))
    async def openapi(self, _: Request) -> HttpResponse:
        """Return the OpenAPI document."""
        return self._openapi

    @_page("/docs", "getDocs", "Read this description", _HTML_PAGE)
    async def docs(self, _: Request) -> HttpResponse:
        """Return the page that shows the OpenAPI document."""
        return self._docs

    @_page("/", "getIndex", "Open the dashboard", _HTML_PAGE)
    async def index(self, _: Request) -> HttpResponse:
        """Return the page of the dashboard."""
        return self._index

    @HttpEndpoint(
        "GET /static/{path:path}",
        name="getStatic",
        tag="operations",
        summary="Get a file of the dashboard",
        answers={
            200: AnswerType("A script or style of the dashboard", text=("text/javascript", "text/css", "text/plain")),
            304: AnswerType("The client has the current version (`If-None-Match`)"),
        },
        problems=(404,),
    )
    async def static(self, request: Request) -> Response:
        """Return a file of the dashboard."""
        return self._static.respond(request.path_params["path"], request.headers.get("if-none-match", ""))


class StaticFiles:
    """The files of `FOLDERS`, in memory by path. A path that is not among them is never looked up on disk."""

    def __init__(self, folder: Traversable) -> None:
        self.files = {path: _read(path, file) for name in FOLDERS for path, file in _walk(folder / name, name)}

    def respond(self, path: str, if_none_match: str) -> Response:
        """Return the file, a 304 when the client has it, or raise a 404 when there is no such file."""
        file = self.files.get(path)
        if file is None:
            raise ProblemError(404, "no such file")
        headers = dict(file.headers)
        if _is_unchanged(if_none_match, headers["etag"]):
            return Response(status_code=304, headers=headers)
        return file.to_starlette()


def _page_headers(content_security_policy: str) -> tuple[tuple[str, str], ...]:
    return (
        ("content-security-policy", content_security_policy),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-cache"),
    )


def _is_unchanged(if_none_match: str, etag: str) -> bool:
    """Return whether the client has this version (RFC 9110, 13.1.2: weak comparison)."""
    return if_none_match == "*" or etag in (tag.strip().removeprefix("W/") for tag in if_none_match.split(","))


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        path = f"{prefix}/{entry.name}"
        if entry.is_dir():
            yield from _walk(entry, path)
        else:
            yield path, entry


def _read(path: str, file: Traversable) -> HttpResponse:
    body = file.read_bytes()
    headers = (
        ("etag", f'"{hashlib.sha256(body).hexdigest()[:32]}"'),
        ("cache-control", "public, max-age=31536000, immutable" if path.startswith(VENDOR) else "no-cache"),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-resource-policy", "same-origin"),
    )
    return HttpResponse(200, body, _TYPES.get(PurePosixPath(path).suffix, _PLAIN), headers)
