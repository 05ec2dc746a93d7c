"""``GET /healthz``, ``/readyz`` and ``/metrics``."""

import asyncio
from collections.abc import Awaitable

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from pointsman.contracts.messages.subjects import STREAM_SUBJECTS
from pointsman.runtime.bus import BusError, NoResponders
from pointsman.runtime.bus.write_watch import UNWRITABLE
from pointsman.runtime.probe import readiness_response
from pointsman.runtime.store.errors import StateError
from pointsman.runtime.telemetry.exposition import CONTENT_TYPE, MetricsText
from pointsman_gateway.backends import Backends
from pointsman_gateway.console.process_monitor import ProcessMonitor
from pointsman_gateway.http.endpoint import AnswerType, HttpEndpoint
from pointsman_gateway.http.problems import ProblemError

_REQUEST_TIMEOUT_S = 1.0
_PING = "$SRV.PING.decision"


class HealthView(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to ``GET /healthz``."""

    status: str = "alive"


class ReadinessChecks(msgspec.Struct, frozen=True, kw_only=True):
    """``ok`` or the problem, for each dependency of the gateway.

    Attributes
    ----------
    nats: The connection.
    streams: All streams exist.
    writes: NATS stores decisions and outcomes. It does not when its disk is full.
    store: The store responds.
    decision: A decision replica responds.
    """

    nats: str
    streams: str
    writes: str
    store: str
    decision: str


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to ``GET /readyz``.

    Attributes
    ----------
    status: ``ready`` or ``not ready``.
    warnings: Problems that processes report and that do not make the gateway unready, as ``tier SIMPLE: halted``.
    """

    status: str
    checks: ReadinessChecks
    warnings: list[str]


class HealthHandler:
    """Answers probes."""

    def __init__(self, backends: Backends, processes: ProcessMonitor) -> None:
        self._backends = backends
        self._processes = processes
        self._metrics = MetricsText()

    @HttpEndpoint(
        "GET /healthz",
        name="isAlive",
        tag="operations",
        summary="Check that the gateway process runs",
        description="The gateway answers decisions even when NATS, the store or every replica is unavailable, so load "
        "balancers should use this probe. It is 503 only while the gateway stops.",
        query=None,
        answers={200: AnswerType("The gateway runs", HealthView)},
    )
    async def alive(self, _: Request) -> HealthView:
        """Return that the process runs, and accepts requests."""
        if self._backends.closing.is_set():  # load balancers that use this probe must send requests elsewhere
            raise ProblemError(503, "the gateway stops")
        return HealthView()

    @HttpEndpoint(
        "GET /readyz",
        name="isReady",
        tag="operations",
        summary="Check every dependency of the gateway",
        description="Checks NATS, the streams, whether NATS stores what is appended, the store and the decision "
        "replicas. What concerns only a part of the answers, such as a halted tier or a failing provider, is a "
        "warning: `GET /v1/system` has the details.",
        query=None,
        answers={
            200: AnswerType("All dependencies are available", Readiness),
            503: AnswerType("A dependency is unavailable; `checks` has the reason", Readiness),
        },
    )
    async def ready(self, _: Request) -> Response:
        """Check all dependencies at once."""
        if self._backends.closing.is_set():
            return readiness_response({"gateway": "stops"})
        nats = "ok" if self._backends.bus is not None else "not connected"
        streams, store, decision, processes = await asyncio.gather(
            _result(self._streams()),
            _result(self._backends.store.ping()),
            _result(self._decision()),
            self._processes.recent(),
        )
        reported = [(process.status.service, found) for process in processes for found in process.status.problems or ()]
        refused = [found.subject for service, found in reported if service == "decision" and found.kind == UNWRITABLE]
        writes = self._backends.write_state()
        if writes == "ok" and refused:
            writes = f"decisions are not stored: {refused[0]}"
        checks = {"nats": nats, "streams": streams, "writes": writes, "store": store, "decision": decision}
        return readiness_response(checks, warnings=sorted({f"{found.subject}: {found.kind}" for _, found in reported}))

    @HttpEndpoint(
        "GET /metrics",
        name="getMetrics",
        tag="operations",
        scope="read",
        summary="Get the metrics",
        query=None,
        answers={200: AnswerType("Prometheus text format", text=("text/plain",))},
    )
    async def metrics(self, _: Request) -> Response:
        """Return the metrics in the text format of Prometheus."""
        return Response(await self._metrics.get(), media_type=CONTENT_TYPE)

    async def _streams(self) -> None:
        bus = self._backends.require_bus()
        if self._backends.lost is not None:
            raise self._backends.lost
        await asyncio.gather(*[bus.info(name, _REQUEST_TIMEOUT_S) for name in STREAM_SUBJECTS])

    async def _decision(self) -> None:
        try:
            await self._backends.require_bus().requests.call(_PING, b"", _REQUEST_TIMEOUT_S)
        except NoResponders as error:
            raise BusError("no decision replica") from error


async def _result(check: Awaitable[None]) -> str:
    try:
        async with asyncio.timeout(_REQUEST_TIMEOUT_S):
            await check
    except (BusError, StateError) as error:
        return str(error)
    except TimeoutError:
        return "timeout"
    return "ok"
