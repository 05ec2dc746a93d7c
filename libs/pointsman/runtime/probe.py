"""Liveness, readiness and metrics over HTTP, for the services that have no HTTP interface of their own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Mapping

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pointsman.runtime.telemetry import metrics
from pointsman.runtime.telemetry.logs import logger

log = logger("probe")

Readiness = Callable[[], Mapping[str, str]]
"""Returns a word for each thing the service depends on; ``ok`` is ready, anything else says what is wrong."""


def readiness_response(checks: Mapping[str, str]) -> Response:
    """Return 200 when every check says ok, 503 otherwise, with all of them in the body."""
    ready = all(value == "ok" for value in checks.values())
    body = msgspec.json.encode({"status": "ready" if ready else "not ready", "checks": dict(checks)})
    return Response(body, 200 if ready else 503, media_type="application/json")


class Server(uvicorn.Server):
    """Uvicorn inside a service that handles signals itself."""

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]  # uvicorn declares no type here
        """Leave the signals to the service."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free one."""
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


class Probe:
    """Serves ``/healthz``, ``/readyz`` and ``/metrics``.

    Parameters
    ----------
    host, port
        Where to listen; port 0 takes a free one.
    readiness : callable
    """

    def __init__(self, host: str, port: int, readiness: Readiness) -> None:
        async def healthz(_: Request) -> Response:
            return Response(b'{"status":"alive"}', media_type="application/json")

        async def readyz(_: Request) -> Response:
            return readiness_response(readiness())

        async def metrics_page(_: Request) -> Response:
            return Response(metrics.render(), media_type=metrics.CONTENT_TYPE)

        app = Starlette(routes=[Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics_page)])
        self._socket = listen(host, port)
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", ws="none")
        self._server = Server(config)
        self._task: asyncio.Task[None] | None = None
        self.url = f"http://{host}:{self._socket.getsockname()[1]}"

    async def start(self) -> None:
        """Begin to serve."""
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]), name="probe")
        log.info("probes at %s", self.url)

    async def stop(self) -> None:
        """Stop serving."""
        self._server.should_exit = True
        if self._task is not None:
            await asyncio.wait([self._task], timeout=2.0)
