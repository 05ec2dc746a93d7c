"""Each process as a NATS micro service that reports its status: `nats micro ls`, `nats micro stats`."""

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
import nats.errors
import nats.micro
from nats.aio.msg import Msg as Message
from nats.micro.request import Request
from nats.micro.service import EndpointStats, Service, ServiceConfig

import pointsman
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.status import DegradedCount, HopCounts, ServiceStatus, StatusProblem, TierStatus
from pointsman.runtime.bus.bus import Bus
from pointsman.runtime.bus.errors import bus_errors
from pointsman.runtime.bus.status_problems import count_problems
from pointsman.runtime.telemetry.logs import logger
from pointsman.runtime.telemetry.recent_counts import HOPS, SAMPLE_INTERVAL_S, RecentCounts

log = logger("bus.status")

STATUS_ENDPOINT = "status"
STATS_SUBJECT = "$SRV.STATS"

Problems = Callable[[], Iterable[StatusProblem]]
"""Returns what does not work in a process at present."""


class Endpoint(NamedTuple):
    """An endpoint of a NATS micro service: its name in NATS's statistics, its subject, the handler of its messages."""

    name: str
    subject: str
    handler: Callable[[Message], Awaitable[None]]


class StatusReporter:
    """Report the status of this process.

    ``tiers`` returns the current status of each tier; ``requests`` the number of requests answered, and the number of
    those answered with an error; ``problems`` what does not work at present.
    """

    def __init__(
        self,
        service: str,
        tiers: Callable[[], list[TierStatus]],
        requests: Callable[[], tuple[int, int]] = lambda: (0, 0),
        problems: Problems = list,
    ) -> None:
        self.service = service
        self._problems = problems
        self._tiers = tiers
        self._requests = requests
        self._instance = f"{socket.gethostname()}:{os.getpid()}"
        self._started_ms = int(time.time() * 1000)
        self._recent = RecentCounts()

    async def run(self) -> None:
        """Sample the metrics until cancelled."""
        while True:
            await asyncio.sleep(SAMPLE_INTERVAL_S)
            self._recent.sample()

    def status(self) -> ServiceStatus:
        """Return the current status of the process."""
        over_s, counts = self._recent.recent()
        requests, errors = self._requests()
        hops = [
            HopCounts(
                hop=name,
                bounds_s=list(histogram.bounds),
                counts=[counts.hops[name, bucket] for bucket in range(len(histogram.bounds) + 1)],
            )
            for name, (histogram, _) in HOPS.items()
        ]
        degraded = [
            DegradedCount(tier=tier, reason=reason, count=count) for (tier, reason), count in counts.degraded.items()
        ]
        return ServiceStatus(
            service=self.service,
            instance=self._instance,
            started_ms=self._started_ms,
            requests=requests,
            errors=errors,
            over_s=over_s,
            decisions=counts.decisions,
            outcomes=counts.outcomes,
            hops=[hop for hop in hops if any(hop.counts)],
            tiers=self._tiers(),
            degraded=degraded if self.service == "gateway" else None,
            problems=[*self._problems(), *count_problems(counts, over_s)],
        )

    async def serve(
        self,
        bus: Bus,
        description: str,
        endpoints: Sequence[Endpoint] = (),
        queue: str | None = None,
        statistics: Callable[[str], Any] = lambda _: None,
    ) -> Service:
        """Register the process with NATS as a micro service; the caller stops the service.

        The endpoints come in addition to ``status``, in the queue group ``queue``; ``statistics`` returns further
        statistics of the endpoint of a name, as JSON types or None.
        """

        def data(endpoint: EndpointStats) -> Any:
            if endpoint.name == STATUS_ENDPOINT:
                return msgspec.to_builtins(self.status())
            return statistics(endpoint.name)

        config = ServiceConfig(
            name=self.service, version=pointsman.__version__, description=description, stats_handler=data
        )
        with bus_errors("cannot register with NATS"):
            service = await nats.micro.add_service(bus.nats, config)
            await service.add_endpoint(
                name=STATUS_ENDPOINT,
                subject=subjects.status(self.service),
                queue_group=self.service,
                handler=self._handle,
            )
            for name, subject, handler in endpoints:
                await service.add_endpoint(
                    name=name, subject=subject, queue_group=queue, handler=_with_message(handler)
                )
        return service

    async def _handle(self, request: Request) -> None:
        try:
            await request.respond(encode(self.status()))
        except nats.errors.Error as error:
            log.debug("cannot respond: %s", error)


def _with_message(handler: Callable[[Message], Awaitable[None]]) -> Callable[[Request], Any]:
    """Return a handler of the micro framework that passes the message on, without a coroutine of its own."""
    return lambda request: handler(request._msg)


class ProcessStatus(NamedTuple):
    """Status of one process. ``id`` is that of the NATS micro service."""

    id: str
    version: str
    status: ServiceStatus


class _EndpointStats(msgspec.Struct):
    name: str = ""
    data: msgspec.Raw = msgspec.Raw(b"null")


class _ServiceStats(msgspec.Struct):
    """The part of an answer to ``$SRV.STATS`` that is used."""

    id: str = ""
    version: str = ""
    endpoints: list[_EndpointStats] = []


_stats_decoder = msgspec.json.Decoder(_ServiceStats)


def read_status(answer: Message) -> ProcessStatus | None:
    """Decode an answer to `STATS_SUBJECT`; None if it is not from a Pointsman process."""
    try:
        service = _stats_decoder.decode(answer.data)
        for endpoint in service.endpoints:
            if endpoint.name == STATUS_ENDPOINT:
                status = msgspec.json.decode(endpoint.data, type=ServiceStatus)
                return ProcessStatus(service.id, service.version, status)
    except msgspec.MsgspecError:
        pass
    return None
