"""The outermost layer: hot endpoints without the framework in between, metrics for all, and no answer but a problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import perf_counter

from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pointsman.runtime.telemetry import metrics
from pointsman.runtime.telemetry.instruments import Counter, Histogram
from pointsman.runtime.telemetry.logs import logger
from pointsman_gateway.http.problems import problem, response_to_error
from pointsman_gateway.http.request import ClientDisconnected
from pointsman_gateway.http.response import HotHandler, HttpResponse

log = logger("gateway")

NO_ROUTE = "(none)"


class Edge:
    """The ASGI application that the server calls; everything that is not hot goes on to the framework.

    Parameters
    ----------
    app : ASGI application
        The framework's; answers whatever is not hot.
    hot : mapping of path to endpoint
        Asked directly for ``POST``.
    routes : sequence of Route
        All routes of the framework; their paths are labels in the metrics, which must not hold ids.
    """

    def __init__(self, app: ASGIApp, hot: Mapping[str, HotHandler], routes: Sequence[Route]) -> None:
        self.routes = routes
        self._app = app
        self._hot = hot
        self._templates: dict[object, str] = {route.endpoint: route.path for route in routes}
        self._meters: dict[tuple[str, int], tuple[Counter, Histogram]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_s = perf_counter()
        hot = self._hot.get(scope["path"]) if scope["method"] == "POST" else None
        if hot is None:
            await self._answer_other(scope, receive, send, started_s)
            return
        try:
            reply = await hot(scope, receive)
        except ClientDisconnected:
            return
        except Exception as error:  # the last resort: whatever it is, the client gets a problem
            reply = response_to_error(error) or _bug(scope)
        self._meter(scope["path"], reply.status, started_s)
        if isinstance(reply, HttpResponse):
            await _send(reply, send)
        else:
            await reply.send(send)

    def route_of(self, scope: Scope) -> str:
        """Return the path of the route that a request went to, without ids."""
        if scope["method"] == "POST" and scope["path"] in self._hot:
            path: str = scope["path"]
            return path
        return self._templates.get(scope.get("endpoint"), NO_ROUTE)

    async def _answer_other(self, scope: Scope, receive: Receive, send: Send, started_s: float) -> None:
        status = 0

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._meter(self.route_of(scope), status, started_s)
            await send(message)

        try:
            await self._app(scope, receive, note_status)
        except ClientDisconnected:
            return
        except Exception as error:  # as above
            if status:
                raise  # too late for another answer
            await _send(response_to_error(error) or _bug(scope), note_status)

    def _meter(self, route: str, status: int, started_s: float) -> None:
        """Count; the time of a stream is that to its beginning."""
        meters = self._meters.get((route, status))
        if meters is None:
            meters = metrics.http_requests.labels(route, str(status)), metrics.http_seconds.labels(route)
            self._meters[route, status] = meters
        meters[0].inc()
        meters[1].observe(perf_counter() - started_s)


async def _send(reply: HttpResponse, send: Send) -> None:
    await send({"type": "http.response.start", "status": reply.status, "headers": reply.raw_headers()})
    await send({"type": "http.response.body", "body": reply.body})


def _bug(scope: Scope) -> HttpResponse:
    log.exception("%s %r failed", scope["method"], scope["path"])
    return problem(500, "the gateway failed; its log says how")
