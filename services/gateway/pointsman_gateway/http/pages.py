"""The two pages, the files they load and the API's description: read once, with nothing from outside."""

from __future__ import annotations

from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response

from pointsman_gateway.api.openapi import document
from pointsman_gateway.http.response import HTML, JSON, HttpResponse
from pointsman_gateway.http.static_files import StaticFiles

_SAME = "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_DASHBOARD = f"default-src 'none'; style-src 'self'; script-src 'self'; {_SAME}"
_DOCS = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; {_SAME}"


class Pages:
    """Serves ``/``, ``/static/``, ``/docs`` and ``/openapi.json``."""

    def __init__(self) -> None:
        folder = files("pointsman_gateway.console") / "static"
        self.static = StaticFiles(folder)
        self._index = HttpResponse(200, (folder / "index.html").read_bytes(), HTML, _headers(_DASHBOARD))
        self._docs = HttpResponse(200, (folder / "docs.html").read_bytes(), HTML, _headers(_DOCS))
        self._openapi = HttpResponse(200, document(), JSON)

    async def index(self, _: Request) -> Response:
        """Return the dashboard's page."""
        return self._index.response()

    async def docs(self, _: Request) -> Response:
        """Return the page that shows the API's description."""
        return self._docs.response()

    async def openapi(self, _: Request) -> Response:
        """Return the API's description."""
        return self._openapi.response()


def _headers(policy: str) -> tuple[tuple[str, str], ...]:
    return (
        ("content-security-policy", policy),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-cache"),
    )
