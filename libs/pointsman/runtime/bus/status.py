"""Every process as a service of NATS' micro framework, that says how it is: `nats micro ls`, `nats micro stats`."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable
from typing import Any

import msgspec
import nats.micro
from nats.errors import Error as NatsError
from nats.micro.request import Request
from nats.micro.service import EndpointStats, Service, ServiceConfig

import pointsman
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.status import DegradedCount, HopCounts, ServiceStatus, TierStatus
from pointsman.runtime.bus.bus import Bus
from pointsman.runtime.telemetry import metrics
from pointsman.runtime.telemetry.logs import logger
from pointsman.runtime.telemetry.readings import HOPS, bucket_bounds, bucket_counts, counted, counted_by
from pointsman.runtime.telemetry.recent import EVERY_S, Difference, Reading, RecentCounts

log = logger("bus.status")

STATUS_ENDPOINT = "status"
_DECISIONS, _OUTCOMES, _FALLBACK = "decisions", "outcomes", "fallback"


class StatusReporter:
    """Tells how this process is.

    Parameters
    ----------
    service : str
        As `ServiceStatus.service`.
    tiers : callable
        Returns what the process knows of each tier right now.
    requests : callable, optional
        Returns how many requests were answered, and how many of them with an error.
    """

    def __init__(
        self,
        service: str,
        tiers: Callable[[], list[TierStatus]],
        requests: Callable[[], tuple[int, int]] = lambda: (0, 0),
    ) -> None:
        self.service = service
        self._tiers = tiers
        self._requests = requests
        self._instance = f"{socket.gethostname()}:{os.getpid()}"
        self._started_ms = int(time.time() * 1000)
        self._recent = RecentCounts(time.monotonic(), _read())

    async def run(self) -> None:
        """Take readings until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            self._recent.take(time.monotonic(), _read())

    def status(self) -> ServiceStatus:
        """Return how the process is."""
        lately = self._recent.since(time.monotonic(), _read())
        requests, errors = self._requests()
        return ServiceStatus(
            service=self.service,
            instance=self._instance,
            started_ms=self._started_ms,
            requests=requests,
            errors=errors,
            over_s=lately.over_s,
            decisions=lately.total(_DECISIONS),
            outcomes=lately.total(_OUTCOMES),
            hops=[
                HopCounts(hop=name, bounds_s=list(bucket_bounds(name)), counts=list(lately.counts[name]))
                for name in HOPS
                if lately.total(name)
            ],
            tiers=self._tiers(),
            degraded=_degraded(lately) if self.service == "gateway" else None,
        )

    async def serve(self, bus: Bus, description: str, others: Callable[[EndpointStats], Any] | None = None) -> Service:
        """Register the process with NATS; the caller adds further endpoints, and stops the service.

        Parameters
        ----------
        bus : Bus
        description : str
        others : callable, optional
            What the statistics show beside the numbers of an endpoint that the caller adds.
        """

        def data(endpoint: EndpointStats) -> Any:
            if endpoint.name == STATUS_ENDPOINT:
                return msgspec.to_builtins(self.status())
            return None if others is None else others(endpoint)

        service = await nats.micro.add_service(
            bus.nats,
            ServiceConfig(
                name=self.service, version=pointsman.__version__, description=description, stats_handler=data
            ),
        )
        await service.add_endpoint(
            name=STATUS_ENDPOINT, subject=subjects.status(self.service), queue_group=self.service, handler=self._handle
        )
        return service

    async def _handle(self, request: Request) -> None:
        try:
            await request.respond(encode(self.status()))
        except NatsError as error:
            log.debug("could not answer: %s", error)


def _read() -> Reading:
    reading = {name: bucket_counts(name) for name in HOPS}
    for (tier, reason), number in counted_by(metrics.fallbacks, "tier", "reason").items():
        reading[f"{_FALLBACK} {tier} {reason}"] = (number,)
    reading[_DECISIONS] = (counted(metrics.decisions),)
    reading[_OUTCOMES] = (counted(metrics.outcomes_accepted),)
    return reading


def _degraded(lately: Difference) -> list[DegradedCount]:
    """Return the answers that no policy chose."""
    found = []
    for name in lately.counts:
        kind, *labels = name.split(" ")
        if kind == _FALLBACK and (count := lately.total(name)):
            tier, reason = labels
            found.append(DegradedCount(tier=tier, reason=reason, count=count))
    return found
