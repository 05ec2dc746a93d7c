"""HTTP server for liveness, readiness and metrics, for services without an HTTP API."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterable, Mapping

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from pointsman.contracts.access.host_names import host_of, is_local, is_loopback
from pointsman.contracts.messages.status import StatusProblem
from pointsman.runtime.telemetry.exposition import CONTENT_TYPE, MetricsText
from pointsman.runtime.telemetry.logs import logger

log = logger("probe")

STOP_TIMEOUT_S = 2.0

Readiness = Callable[[], Mapping[str, str]]
"""Returns a text for each dependency of the service: ``ok`` when it is ready, otherwise the problem."""


Problems = Callable[[], Iterable[StatusProblem]]
"""Returns what does not work at present, also what does not make the service unready."""


def readiness_response(checks: Mapping[str, str], **more: object) -> Response:
    """Return 200 when every check is ok, 503 otherwise, with all checks, and ``more``, in the body."""
    ready = all(value == "ok" for value in checks.values())
    body = msgspec.json.encode({"status": "ready" if ready else "not ready", "checks": dict(checks), **more})
    return Response(body, 200 if ready else 503, media_type="application/json")


class Server(uvicorn.Server):
    """Uvicorn without signal handlers; the service has its own."""

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]  # uvicorn declares no type here
        """Install no signal handlers."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 selects a free port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(2048)
    except OSError:
        bound.close()
        raise
    bound.setblocking(False)
    return bound


def _local_names_only(app: ASGIApp) -> ASGIApp:
    """Return the application for requests whose host name a web page cannot choose, as in DNS rebinding."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        host = dict(scope["headers"]).get(b"host", b"")
        refused = Response(b"use a local host name or an address", 421, media_type="text/plain")
        await (app if is_local(host_of(host.decode("latin-1"))) else refused)(scope, receive, send)

    return answer


class Probe:
    """Serves ``/healthz``, ``/readyz`` and ``/metrics``.

    ``host``, ``port``: address to listen at; port 0 selects a free port.
    """

    def __init__(self, host: str, port: int, readiness: Readiness, problems: Problems = list) -> None:
        text = MetricsText()

        async def healthz(_: Request) -> Response:
            return Response(b'{"status":"alive"}', media_type="application/json")

        async def readyz(_: Request) -> Response:
            return readiness_response(readiness(), problems=list(problems()))

        async def metrics_page(_: Request) -> Response:
            return Response(await text.get(), media_type=CONTENT_TYPE)

        app: ASGIApp = Starlette(
            routes=[Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics_page)]
        )
        if is_loopback(host):
            app = _local_names_only(app)
        self._socket = listen(host, port)
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", ws="none")
        self._server = Server(config)
        self._task: asyncio.Task[None] | None = None
        self.url = f"http://{host}:{self._socket.getsockname()[1]}"

    async def start(self) -> None:
        """Start serving."""
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]), name="probe")
        log.info("probes at %s", self.url)

    async def stop(self) -> None:
        """Stop serving."""
        self._server.should_exit = True
        if self._task is not None:
            await asyncio.wait([self._task], timeout=STOP_TIMEOUT_S)
