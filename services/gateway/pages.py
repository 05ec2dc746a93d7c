"""The two pages and the API's description: files that are read once, self-contained, with nothing from outside."""

from __future__ import annotations

from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.openapi import document
from services.gateway.replies import JSON, Reply

HTML = "text/html; charset=utf-8"
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = (("content-security-policy", _POLICY), ("x-content-type-options", "nosniff"), ("cache-control", "no-cache"))


class Pages:
    """Serves ``/``, ``/docs`` and ``/openapi.json``."""

    def __init__(self) -> None:
        folder = files("services.gateway") / "static"
        self._index = Reply(200, (folder / "index.html").read_bytes(), HTML, _HEADERS)
        self._docs = Reply(200, (folder / "docs.html").read_bytes(), HTML, _HEADERS)
        self._openapi = Reply(200, document(), JSON)

    async def index(self, _: Request) -> Response:
        """Return the page with the live decisions."""
        return self._index.response()

    async def docs(self, _: Request) -> Response:
        """Return the page that shows the API's description."""
        return self._docs.response()

    async def openapi(self, _: Request) -> Response:
        """Return the API's description."""
        return self._openapi.response()
