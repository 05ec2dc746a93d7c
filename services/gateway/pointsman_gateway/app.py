"""Wiring and lifecycle of the gateway."""

import asyncio
import contextlib
import ssl

import uvicorn

from pointsman.contracts.config import Config, ConfigError
from pointsman.runtime.heap import return_large_blocks
from pointsman.runtime.probe import Server, listen
from pointsman.runtime.service import StopSignal, wait_until_stopped
from pointsman.runtime.telemetry import tracing
from pointsman.runtime.telemetry.logs import logger
from pointsman_gateway.backends import Backends
from pointsman_gateway.chat.service import ChatGateway
from pointsman_gateway.console.feature_names import FeatureNames
from pointsman_gateway.console.system_monitor import SystemMonitor
from pointsman_gateway.decision_client import DecisionClient
from pointsman_gateway.http.authentication import Authenticator
from pointsman_gateway.http.body_memory import BodyMemory, BoundedBodies
from pointsman_gateway.http.drain import drain
from pointsman_gateway.http.edge import Edge, TracedEdge
from pointsman_gateway.http.protocol import bounded
from pointsman_gateway.http.routing import build_application
from pointsman_gateway.http.web_pages import make_guard
from pointsman_gateway.registry import HANDLERS, LONG_BODY_PATHS, Parts, client_problem

log = logger("gateway")

KEEP_ALIVE_S = 75


async def serve(config: Config, stop: StopSignal) -> None:
    """Serve until ``stop`` is set. NATS and the store may be unavailable, and become available later."""
    authenticator = Authenticator(config)
    backends = Backends(config)
    gateway = config.gateway
    decisions = DecisionClient(backends)
    chat = ChatGateway(backends, decisions)
    backends.more_problems = chat.problems
    edge = make_app(backends, authenticator, decisions, chat)
    settings = uvicorn.Config(
        BoundedBodies(
            edge if tracing.active is None else TracedEdge(edge, tracing.active), BodyMemory(gateway.body_memory_mb)
        ),
        http=bounded(
            gateway.read_timeout_ms / 1000.0,
            gateway.max_body_bytes,
            dict.fromkeys(LONG_BODY_PATHS, config.llm.max_body_bytes),
            client_problem,
            gateway.max_connections,
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
    )
    try:  # read the certificate now, so that an invalid one is reported and ends the start
        settings.load()
    except (OSError, ssl.SSLError) as error:
        raise ConfigError([f"gateway.cert_file or key_file: {error}"]) from error
    return_large_blocks()
    bound = listen(gateway.host, gateway.port)
    server = Server(settings)
    backends.start()
    serving = asyncio.create_task(server.serve(sockets=[bound]), name="HTTP server")
    watching = asyncio.create_task(authenticator.watch(), name="API keys")
    host = f"[{gateway.host}]" if ":" in gateway.host else gateway.host
    log.info("listening at %s://%s:%d", gateway.scheme, host, bound.getsockname()[1])
    if not authenticator.required:
        log.info("no API key is configured: every client that reaches the gateway has full access")
    try:
        await wait_until_stopped(stop, [serving, watching])
    finally:
        watching.cancel()
        backends.closing.set()  # readiness ends, and so do the event streams, which never end by themselves
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(gateway.stop_delay_s):
                await stop.at_once.wait()
        await drain(server, serving, stop, config.drain_timeout_s)
        await chat.close()
        await backends.close()


def make_app(backends: Backends, authenticator: Authenticator, decisions: DecisionClient, chat: ChatGateway) -> Edge:
    """Return the ASGI application."""
    names = FeatureNames(backends.config, chat.features.label, chat.features.names)
    parts = Parts(backends, authenticator, decisions, chat, names, SystemMonitor(backends))
    gateway = backends.config.gateway
    return build_application(
        [make(parts) for make in HANDLERS.values()],
        authenticator,
        gateway.max_body_bytes,
        path_checks={"tier": backends.require_tier},
        convert_problem=client_problem,
        public={"/metrics"} if gateway.open_metrics else (),
        guard=make_guard(backends.config),
    )
