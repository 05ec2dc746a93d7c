"""The outermost ASGI application: hot handlers without the framework, request metrics, a response to every error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import perf_counter

from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pointsman.runtime.telemetry import metrics
from pointsman.runtime.telemetry.logs import logger
from pointsman_gateway.http.problems import problem, response_to_error
from pointsman_gateway.http.request import ClientDisconnected
from pointsman_gateway.http.response import HotHandler, HttpResponse

log = logger("gateway")

NO_ROUTE = "(none)"


class Edge:
    """The ASGI application that the server calls; it passes requests that are not hot to the framework.

    Parameters
    ----------
    app : ASGI application
        The framework, for all requests that are not hot.
    hot : mapping of path to handler
        Called directly for ``POST``.
    routes : sequence of Route
        All routes of the framework. Their paths are labels of the metrics, which must not contain ids.
    """

    def __init__(self, app: ASGIApp, hot: Mapping[str, HotHandler], routes: Sequence[Route]) -> None:
        self.routes = routes
        self._app = app
        self._hot = hot
        self._templates: dict[object, str] = {route.endpoint: route.path for route in routes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_s = perf_counter()
        hot = self._hot.get(scope["path"]) if scope["method"] == "POST" else None
        if hot is None:
            await self._call_framework(scope, receive, send, started_s)
            return
        try:
            response = await hot(scope, receive)
        except ClientDisconnected:
            return
        except Exception as error:  # the last resort: the client gets a problem document for every error
            response = response_to_error(error) or _internal_error(scope)
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
        status = 0

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _observe(self.route_of(scope), status, started_s)
            await send(message)

        try:
            await self._app(scope, receive, note_status)
        except ClientDisconnected:
            return
        except Exception as error:  # as above
            if status:
                raise  # the response has begun, so no other one can be sent
            await _send(response_to_error(error) or _internal_error(scope), note_status)


def _observe(route: str, status: int, started_s: float) -> None:
    """Count a request; the duration of a stream is the time until it begins."""
    metrics.http_requests.labels(route, str(status)).inc()
    metrics.http_seconds.labels(route).observe(perf_counter() - started_s)


async def _send(response: HttpResponse, send: Send) -> None:
    await send({"type": "http.response.start", "status": response.status, "headers": response.raw_headers()})
    await send({"type": "http.response.body", "body": response.body})


def _internal_error(scope: Scope) -> HttpResponse:
    log.exception("%s %r failed", scope["method"], scope["path"])
    return problem(500, "the gateway failed; its log has the reason")
