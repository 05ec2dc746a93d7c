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
from pointsman.runtime.telemetry.logs import logger
from pointsman.runtime.telemetry.recent_counts import HOPS, SAMPLE_INTERVAL_S, RecentCounts

log = logger("bus.status")

STATUS_ENDPOINT = "status"


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
