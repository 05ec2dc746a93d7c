"""Connections to NATS and the store, either of which may be unavailable, and the configured tiers."""

import asyncio
import contextlib
from collections.abc import Iterator
from functools import partial

from pointsman.contracts.config import Config, fallback_arm, tier_arms
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.errors import MessageError
from pointsman.contracts.messages.policies import TierPolicies
from pointsman.contracts.messages.status import StatusProblem
from pointsman.core.bandit import Arm
from pointsman.learning.log_witness import remembered_logs
from pointsman.runtime.bus import Bus, BusError, BusUnavailable, StreamsLost, ensure_streams
from pointsman.runtime.bus.notices import publish_alert
from pointsman.runtime.bus.policies import configure_policies, watch_policies
from pointsman.runtime.bus.replication import STREAMS, keep_replicas
from pointsman.runtime.bus.status import Problems, StatusReporter
from pointsman.runtime.bus.status_problems import write_problems
from pointsman.runtime.bus.write_watch import WriteWatch
from pointsman.runtime.service import BackgroundTasks
from pointsman.runtime.store.errors import StateError
from pointsman.runtime.store.store import Store
from pointsman.runtime.telemetry import metrics
from pointsman.runtime.telemetry.logs import logger
from pointsman_gateway.api.policies.active import ActiveRules
from pointsman_gateway.api.policies.validation import configured_classes, policy_warnings
from pointsman_gateway.http.problems import ProblemError

log = logger("gateway.backends")

QUICK_TIMEOUT_MS = 100
"""How long a request waits for optional information."""
RETRY_INTERVAL_S = 1.0
LOST_CHECK_INTERVAL_S = 2.0


class Backends:
    """Connections, tiers and active policies, shared by all handlers."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.tiers: dict[str, tuple[Arm, ...]] = {tier.name: tier_arms(tier) for tier in config.tier}
        self.fallbacks: dict[str, Arm | None] = {tier.name: fallback_arm(tier) for tier in config.tier}
        self.store = Store(config.redis)
        self.quick_store = Store(config.redis, min(QUICK_TIMEOUT_MS, config.redis.timeout_ms))
        self.rules = ActiveRules(config)
        self._custom_classes = configured_classes(config)
        self.policies: dict[str, TierPolicies] = {}
        """Last known policies of each tier."""
        self.lost: StreamsLost | None = None
        """Streams that existed before and are missing; None when there are none."""
        self.more_problems: Problems = list
        """Problems of other parts of the gateway; set by its wiring."""
        self.status = StatusReporter("gateway", list, _requests, self.problems)
        self.closing = asyncio.Event()
        """Set when the gateway stops, so that streams end."""
        self._bus: Bus | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._preparing: asyncio.Task[None] | None = None

    def problems(self) -> Iterator[StatusProblem]:
        """Yield what does not work in this process at present."""
        yield from write_problems(self._bus)
        if self.lost is not None:
            yield StatusProblem(kind="log-lost", subject="streams", text=str(self.lost), serious=True)
        yield from self.more_problems()

    def write_state(self) -> str:
        """Return ``ok``, or the streams to which this process cannot append."""
        return self._bus.requests.writes.state() if self._bus is not None else "not connected"

    @property
    def bus(self) -> Bus | None:
        """The bus; None while disconnected."""
        return self._bus if self._bus is not None and self._bus.connected else None

    def require_bus(self) -> Bus:
        """Return the bus, or raise `BusUnavailable`."""
        bus = self.bus
        if bus is None:
            raise BusUnavailable("not connected")
        return bus

    def require_stream(self, stream: str) -> Bus:
        """Return the bus, or raise `StreamsLost` when the stream is one that NATS no longer has."""
        if self.lost is not None and stream in self.lost.streams:
            raise self.lost
        return self.require_bus()

    def require_tier(self, tier: str, field: str = "tier") -> str:
        """Return the tier's name if it is configured; raise a 404 otherwise."""
        if tier not in self.tiers:
            raise ProblemError(404, f"no tier {tier[:80]!r}", field)
        return tier

    def start(self) -> None:
        """Start to connect in the background; it is retried until it succeeds."""
        self._connecting = asyncio.create_task(self._connect(), name="connect to NATS")

    async def close(self) -> None:
        """Stop connecting, and close all connections."""
        self.closing.set()
        tasks = [task for task in (self._connecting, self._preparing) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._bus is not None:
            await self._bus.close()
        for store in (self.store, self.quick_store):
            with contextlib.suppress(OSError, TimeoutError):
                await store.close()

    async def _connect(self) -> None:
        """Connect, and connect again after NATS ends a connection. The gateway serves requests meanwhile."""
        server = self.config.nats
        while True:
            log.info("connecting to NATS at %s", server.public_url)
            try:
                self._bus = bus = await Bus.connect(server, "pointsman-gateway")
                bus.on_reconnect(self._on_connection)
                log.info("connected to NATS")
                await self._on_connection()
                async with BackgroundTasks() as tasks:
                    tasks.start("watch policies", watch_policies(bus, self._on_policies))
                    tasks.start("replicas", keep_replicas(bus, server.replicas))
                    tasks.start("status", self._report_status(bus))
                    tasks.start("writes", WriteWatch(bus, "gateway", probe=True).run())
                    await bus.until_closed()
            except (BusError, OSError, ValueError) as error:
                log.error("no connection to NATS: %s", error or type(error).__name__)
                await asyncio.sleep(RETRY_INTERVAL_S)

    def _on_policies(self, tier: str, version: int, policies: TierPolicies) -> None:
        self.policies[tier] = policies
        self.rules.update(tier, version, policies)
        for warning in policy_warnings(policies.active, self._custom_classes) if tier in self.tiers else ():
            log.warning("tier %s, version %d of the policies: %s", tier, version, warning)

    async def _report_status(self, bus: Bus) -> None:
        """Register the gateway with NATS as a micro service, and answer its status requests."""
        while True:
            try:
                await self.status.serve(bus, "Serves the HTTP API")
                break
            except BusError as error:
                log.warning("could not register with NATS as a service: %s", error or type(error).__name__)
                await asyncio.sleep(RETRY_INTERVAL_S)
        await self.status.run()

    async def _on_connection(self) -> None:
        if self._preparing is not None:
            self._preparing.cancel()
        self._preparing = asyncio.create_task(self._prepare(), name="prepare NATS")

    async def _prepare(self) -> None:
        """Create the streams and apply the configured policies; retry until it succeeds once."""
        while True:
            try:
                bus = self.require_bus()
                complete = await self._ensure_streams(bus)
                if self.lost is None or subjects.POLICIES_STREAM not in self.lost.streams:
                    await configure_policies(bus, self.config)
            except (BusError, StateError) as error:
                log.warning("streams and policies are not ready yet: %s", error or type(error).__name__)
                await asyncio.sleep(RETRY_INTERVAL_S)
            except MessageError as error:
                log.error("the policies in NATS are not readable: %s", error)
                return
            else:
                if complete:
                    return
                await asyncio.sleep(LOST_CHECK_INTERVAL_S)

    async def _ensure_streams(self, bus: Bus) -> bool:
        """Create or update the streams; return False while one is lost, which is reported once."""
        before, lost = self.lost, None
        try:
            await ensure_streams(bus, self.config.nats, partial(remembered_logs, self.store, self.tiers))
        except StreamsLost as error:
            lost = error
        self.lost = lost
        for name in STREAMS:
            metrics.stream_lost.labels(name).set(lost is not None and name in lost.streams)
        if lost is not None and (before is None or before.streams.keys() != lost.streams.keys()):
            log.error("%s", lost)
            if subjects.ALERTS not in lost.streams:
                await publish_alert(bus, "log-lost", "_all", str(lost), "gateway", detail={"streams": lost.streams})
        elif lost is None and before is not None:
            log.info("the lost streams are back: %s", ", ".join(before.streams))
        return lost is None


def _requests() -> tuple[int, int]:
    """Return how many requests this gateway has answered, and how many of them with a status of 500 or above.

    A 503 of ``/readyz`` is not counted as an error.
    """
    counts = metrics.http_requests.values()
    errors = (count for (route, status), count in counts.items() if status >= "500" and route != "/readyz")
    return int(metrics.http_requests.total()), int(sum(errors))
