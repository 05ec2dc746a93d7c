"""``GET /static/{path}``: the dashboard's scripts, styles and its chart library, as they are in the package."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib.resources.abc import Traversable
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from pointsman_gateway.http.problems import ProblemError
from pointsman_gateway.http.query import read_query
from pointsman_gateway.http.response import HttpResponse

_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
}
_PLAIN = "text/plain; charset=utf-8"
VENDOR = "vendor/"
"""What is below this has its version in its path, so that it never changes."""

FOLDERS = ("dashboard", "vendor")


class StaticFile(NamedTuple):
    """A file with everything that its answer says."""

    etag: str
    body: bytes
    content_type: str
    cache_control: str

    def headers(self) -> tuple[tuple[str, str], ...]:
        """Return what goes with the file, and with the word that it has not changed."""
        return (
            ("etag", self.etag),
            ("cache-control", self.cache_control),
            ("x-content-type-options", "nosniff"),
            ("cross-origin-resource-policy", "same-origin"),
        )


class StaticFiles:
    """Serves files that are read once, at the start: a path is looked up among their names, and nowhere else.

    Parameters
    ----------
    folder : Traversable
        Where `FOLDERS` are.
    """

    def __init__(self, folder: Traversable) -> None:
        self.files = {path: _read(path, file) for name in FOLDERS for path, file in _walk(folder / name, name)}

    async def get(self, request: Request) -> Response:
        """Answer one request."""
        read_query(request, frozenset())
        file = self.files.get(request.path_params["path"])
        if file is None:
            raise ProblemError(404, "no such file")
        if _unchanged(request.headers.get("if-none-match", ""), file.etag):
            return Response(status_code=304, headers=dict(file.headers()))
        return HttpResponse(200, file.body, file.content_type, file.headers()).response()


def _unchanged(known: str, etag: str) -> bool:
    """Tell whether a client has the file already (RFC 9110, 13.1.2: compared weakly)."""
    return known == "*" or etag in (tag.strip().removeprefix("W/") for tag in known.split(","))


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        path = f"{prefix}/{entry.name}"
        if entry.is_dir():
            yield from _walk(entry, path)
        else:
            yield path, entry


def _read(path: str, file: Traversable) -> StaticFile:
    body = file.read_bytes()
    suffix = path[path.rfind(".") :] if "." in file.name else ""
    return StaticFile(
        etag=f'"{hashlib.sha256(body).hexdigest()[:32]}"',
        body=body,
        content_type=_TYPES.get(suffix, _PLAIN),
        cache_control="public, max-age=31536000, immutable" if path.startswith(VENDOR) else "no-cache",
    )
