"""Wiring and lifecycle of the gateway."""

from __future__ import annotations

import asyncio
import math
import ssl

import uvicorn
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from pointsman.contracts.config import Config, ConfigError
from pointsman.contracts.messages.errors import MessageError
from pointsman.runtime.bus import BusError
from pointsman.runtime.probe import Server, listen
from pointsman.runtime.service import wait_until_stopped
from pointsman.runtime.store.errors import StateError
from pointsman.runtime.telemetry import tracing
from pointsman.runtime.telemetry.logs import logger
from pointsman_gateway.api.arms import Arms
from pointsman_gateway.api.decisions import Decisions
from pointsman_gateway.api.events import DecisionEvents
from pointsman_gateway.api.feedback import FeedbackHandler
from pointsman_gateway.api.lookup import Lookup
from pointsman_gateway.api.outcomes import Outcomes
from pointsman_gateway.api.policies import Policies
from pointsman_gateway.api.policy_history import History
from pointsman_gateway.api.promotion import Promotion
from pointsman_gateway.api.report import ShadowReport
from pointsman_gateway.backends import Backends
from pointsman_gateway.chat.service import HOT_PATHS, LlmGateway, client_problem
from pointsman_gateway.console.alerts import AlertsHandler
from pointsman_gateway.console.dry_run import TryHandler
from pointsman_gateway.console.feature_names import FeatureNames
from pointsman_gateway.console.overview import OverviewHandler
from pointsman_gateway.console.system import SystemHandler
from pointsman_gateway.console.system_monitor import SystemMonitor
from pointsman_gateway.decision_client import DecisionClient
from pointsman_gateway.http.authentication import Authenticator
from pointsman_gateway.http.edge import Edge
from pointsman_gateway.http.health import HealthPages
from pointsman_gateway.http.pages import Pages
from pointsman_gateway.http.problems import ProblemError, problem, response_to_error
from pointsman_gateway.http.protocol import bounded
from pointsman_gateway.http.response import HotHandler

log = logger("gateway")

KEEP_ALIVE_S = 75


async def serve(config: Config, stop: asyncio.Event) -> None:
    """Serve until told to stop. NATS and the store may be there or not; both may come later."""
    access = Authenticator(config)
    backends = Backends(config)
    gateway = config.gateway
    decision_client = DecisionClient(backends)
    llm = LlmGateway(backends, decision_client)
    finish_s = math.ceil(config.llm.finish_timeout_ms / 1000.0)
    settings = uvicorn.Config(
        _traced(make_app(backends, access, decision_client, llm)),
        http=bounded(
            gateway.read_timeout_ms / 1000.0,
            gateway.max_body_bytes,
            dict.fromkeys(HOT_PATHS, config.llm.max_body_bytes),
            client_problem,
        ),
        ssl_certfile=gateway.cert_file,
        ssl_keyfile=gateway.key_file,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=finish_s,
    )
    _load(settings)
    bound = listen(gateway.host, gateway.port)
    server = Server(settings)
    backends.start()
    serving = asyncio.create_task(server.serve(sockets=[bound]), name="HTTP server")
    watching = asyncio.create_task(access.watch(), name="API keys")
    host = f"[{gateway.host}]" if ":" in gateway.host else gateway.host
    log.info("listening at %s://%s:%d", gateway.scheme, host, bound.getsockname()[1])
    if not access.required:
        log.info("no API key is configured: whoever can reach the gateway may do everything")
    try:
        await wait_until_stopped(stop, [serving, watching])
    finally:
        watching.cancel()
        backends.closing.set()  # ends the event streams, which would else be waited for
        server.should_exit = True
        await asyncio.wait({serving}, timeout=finish_s + 1)
        if server.server_state.tasks:  # what was cut off still tells its outcome
            await asyncio.wait(server.server_state.tasks, timeout=1.0)
        await llm.close()
        await backends.close()


def _load(settings: uvicorn.Config) -> None:
    """Have the certificate read now, so that one that cannot be used is said, and ends the start."""
    try:
        settings.load()
    except (OSError, ssl.SSLError) as error:
        raise ConfigError([f"gateway.cert_file or key_file: {error}"]) from error


def _traced(edge: Edge) -> ASGIApp:
    if tracing.active is None:
        return edge
    from pointsman_gateway.http.traced import Traced  # noqa: PLC0415  # needs OpenTelemetry

    return Traced(edge, tracing.active)


def make_app(backends: Backends, access: Authenticator, decision_client: DecisionClient, llm: LlmGateway) -> Edge:
    """Return the application, inside the edge."""
    hot: dict[str, HotHandler] = {
        "/v1/decisions": access.hot("decide", Decisions(backends, decision_client)),
        "/v1/outcomes": access.hot("report", Outcomes(backends)),
        "/v1/feedback": access.hot("report", FeedbackHandler(backends, llm.responses)),
        **llm.hot(access),
    }
    routes = [
        *[_hot_route(path) for path in hot],
        *_routes(backends, access, decision_client, llm),
        *llm.routes(access),
    ]
    app = FastAPI(
        routes=list[BaseRoute](routes),
        openapi_url=None,  # ours is made from the messages' own schemas
        docs_url=None,  # FastAPI's page loads scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={
            HTTPException: _on_http_error,
            ProblemError: _on_error,
            MessageError: _on_error,
            BusError: _on_error,
            StateError: _on_error,
        },
    )
    return Edge(app, hot, routes)


def _routes(backends: Backends, access: Authenticator, decision_client: DecisionClient, llm: LlmGateway) -> list[Route]:
    pages, health = Pages(), HealthPages(backends)
    policies, promotion = Policies(backends), Promotion(backends)
    open_metrics = backends.config.gateway.open_metrics
    names = FeatureNames(backends.config, llm.features.label, llm.features.names)
    monitor = SystemMonitor(backends)
    events = DecisionEvents(backends, access, decision_client.fallback_topic)
    return [
        Route("/v1/decisions/{decision_id}", access.route("read", Lookup(backends, names).get)),
        Route("/v1/try", access.route("decide", TryHandler(backends, llm.features, names).post), methods=["POST"]),
        Route("/v1/overview", access.route("read", OverviewHandler(backends, monitor).get)),
        Route("/v1/system", access.route("read", SystemHandler(monitor).get)),
        Route("/v1/alerts", access.route("read", AlertsHandler(backends).get)),
        Route("/v1/arms", access.route("read", Arms(backends, names).get)),
        Route("/v1/policies", access.route("read", policies.get)),
        Route("/v1/policies/{tier}", access.route("admin", policies.put), methods=["PUT"]),
        Route("/v1/policies/{tier}/promote", access.route("admin", promotion.promote), methods=["POST"]),
        Route("/v1/policies/{tier}/revert", access.route("admin", promotion.revert), methods=["POST"]),
        Route("/v1/policies/{tier}/history", access.route("read", History(backends).get)),
        Route("/v1/shadow/report", access.route("read", ShadowReport(backends).get)),
        Route("/v1/events/decisions", access.route("read", events.get)),
        Route("/healthz", health.alive),
        Route("/readyz", health.ready),
        Route("/metrics", health.metrics if open_metrics else access.route("read", health.metrics)),
        Route("/openapi.json", pages.openapi),
        Route("/docs", pages.docs),
        Route("/static/{path:path}", pages.static.get),
        Route("/", pages.index),
    ]


def _hot_route(path: str) -> Route:
    """Return the route that makes other methods than POST a 405; POST itself is answered by the edge."""

    async def answer(_: Request) -> Response:
        raise AssertionError("the edge has let a hot request through")

    return Route(path, answer, methods=["POST"])


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = tuple((name.lower(), value) for name, value in (error.headers or {}).items())
    detail = {404: "no such route", 405: "this route does not have that method"}.get(error.status_code, error.detail)
    return client_problem(
        request.url.path, request.headers, problem(error.status_code, detail, headers=headers)
    ).response()


async def _on_error(_: Request, error: Exception) -> Response:
    reply = response_to_error(error)
    assert reply is not None  # registered for the errors that have a reply
    return reply.response()
