"""The outermost ASGI application: hot handlers without the framework, request metrics and spans."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING

from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pointsman.runtime.telemetry import metrics
from pointsman.runtime.telemetry.logs import logger
from pointsman_gateway.http.problems import problem, response_to_error
from pointsman_gateway.http.request import ClientDisconnected
from pointsman_gateway.http.response import HotHandler, HttpResponse

if TYPE_CHECKING:
    from pointsman.runtime.telemetry.spans import Tracing  # needs OpenTelemetry

log = logger("gateway")

NO_ROUTE = "(none)"
NOT_TRACED = frozenset({"/healthz", "/readyz", "/metrics"})
"""Probes, which are requested every few seconds."""
_FOR_OWN_PAGES = {b"cross-origin-resource-policy": b"same-origin", b"x-content-type-options": b"nosniff"}
"""Browsers give no answer to pages of other sites as a script, style or image."""
_TRACE_HEADERS = frozenset({b"traceparent", b"tracestate"})


class Edge:
    """The ASGI application that the server calls; it passes requests that are not hot to the framework.

    Metrics are labelled with the paths of the routes, which do not contain ids. ``refuse`` returns the answer to a
    request that no handler may see.
    """

    def __init__(
        self,
        app: ASGIApp,
        hot: Mapping[str, HotHandler],
        routes: Sequence[Route],
        refuse: Callable[[Scope], HttpResponse | None] | None = None,
    ) -> None:
        self.routes = routes
        self._refuse = refuse
        self._app = app
        self._hot = hot
        self._templates: dict[object, str] = {route.endpoint: route.path for route in routes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_s = perf_counter()
        if self._refuse is not None and (refused := self._refuse(scope)) is not None:
            _observe(self.route_of(scope), refused.status, started_s)
            await _send(refused, send)
            return
        hot = self._hot.get(scope["path"]) if scope["method"] == "POST" else None
        if hot is None:
            await self._call_framework(scope, receive, send, started_s)
            return
        try:
            response = await hot(scope, receive)
        except ClientDisconnected:
            return
        except Exception as error:  # the last resort: the client gets a problem document for every error
            response = error_response(scope, error)
        _observe(scope["path"], response.status, started_s)
        if isinstance(response, HttpResponse):
            await _send(response, send)
        else:
            await response.send(send)

    def route_of(self, scope: Scope) -> str:
        """Return the path of a request's route, without ids."""
        if scope["method"] == "POST" and scope["path"] in self._hot:
            path: str = scope["path"]
            return path
        return self._templates.get(scope.get("endpoint"), NO_ROUTE)

    async def _call_framework(self, scope: Scope, receive: Receive, send: Send, started_s: float) -> None:
        async def note_status(message: Message) -> None:
            if message["type"] == "http.response.start":
                _observe(self.route_of(scope), message["status"], started_s)
                message["headers"] = list((_FOR_OWN_PAGES | dict(message["headers"])).items())
            await send(message)

        with contextlib.suppress(ClientDisconnected):
            await self._app(scope, receive, note_status)


class TracedEdge:
    """The edge with a span around each request, below the client's span if it sends ``traceparent``."""

    def __init__(self, edge: Edge, tracing: Tracing) -> None:
        self._edge = edge
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"] in NOT_TRACED:
            await self._edge(scope, receive, send)
            return
        carrier = {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in _TRACE_HEADERS}
        attributes = {"http.request.method": scope["method"], "url.path": scope["path"], "url.scheme": scope["scheme"]}
        with self._tracing.serving(scope["method"], carrier, attributes) as span:

            async def note_status(message: Message) -> None:
                if message["type"] == "http.response.start":
                    status, route = message["status"], self._edge.route_of(scope)
                    span.update_name(f"{scope['method']} {route}")
                    span.set_attributes({"http.response.status_code": status, "http.route": route})
                    if status >= 500:
                        span.set_attribute("error.type", str(status))
                await send(message)

            await self._edge(scope, receive, note_status)


def _observe(route: str, status: int, started_s: float) -> None:
    """Count a request; the duration of a stream is the time until it begins."""
    metrics.http_requests.labels(route, str(status)).inc()
    metrics.http_seconds.labels(route).observe(perf_counter() - started_s)


async def _send(response: HttpResponse, send: Send) -> None:
    await send({"type": "http.response.start", "status": response.status, "headers": response.raw_headers()})
    await send({"type": "http.response.body", "body": response.body})


def error_response(scope: Scope, error: Exception) -> HttpResponse:
    """Return the response to an error; a bug is logged and answered with a 500."""
    response = response_to_error(error)
    if response is None:
        log.exception("%s %r failed", scope["method"], scope["path"])
        response = problem(500, "the gateway failed; its log has the reason")
    return response
