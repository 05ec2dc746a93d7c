"""``GET /v1/system``: every process, stream and tier, with latencies and throughput."""

from collections.abc import Iterable

import msgspec
from starlette.requests import Request

from pointsman.contracts.messages import subjects
from pointsman.runtime.bus import StreamInfo
from pointsman.runtime.bus.jetstream import unix_ms
from pointsman.runtime.bus.status import ProcessStatus
from pointsman.runtime.telemetry.recent_counts import HOPS
from pointsman_gateway.console.latency import latency_quantile_ms
from pointsman_gateway.console.system_monitor import SystemMonitor, SystemSnapshot
from pointsman_gateway.http.endpoint import AnswerType, HttpEndpoint

SERVICE_HOPS = {"gateway": "http_decision", "decision": "replica", "reward-updater": "store_commit"}
"""The hop whose latency is shown for a process."""


class ServiceView(msgspec.Struct, frozen=True, kw_only=True):
    """One process.

    Attributes
    ----------
    service: ``gateway``, ``decision``, ``reward-updater`` or ``shadow-evaluator``.
    instance: Host and process number.
    started_ms: Unix milliseconds.
    requests, errors: Requests to a gateway or decision replica since its start; 0 for the other services.
    p50_ms, p99_ms: Latency in the last minute: of a decision request at a gateway, of a decision at a replica, of a
        commit at a reward-updater. None without observations.
    state_age_ms: Age of the oldest tier in the memory of a decision replica.
    """

    service: str
    instance: str
    version: str
    started_ms: int
    requests: int
    errors: int
    p50_ms: float | None = None
    p99_ms: float | None = None
    state_age_ms: int | None = None


class StreamView(msgspec.Struct, frozen=True, kw_only=True):
    """One stream of NATS.

    Attributes
    ----------
    max_bytes: Capacity; None without a limit.
    first_ms, last_ms: Time of the oldest and of the newest message, Unix milliseconds. None when the stream is empty.
    """

    name: str
    messages: int
    bytes: int
    max_bytes: int | None
    first_sequence: int
    last_sequence: int
    first_ms: int | None
    last_ms: int | None


class ReplicaAgeView(msgspec.Struct, frozen=True, kw_only=True):
    """Age of a decision replica's state of a tier.

    Attributes
    ----------
    state_age_ms: None while it is unknown.
    watermark: The last outcome that its decisions are based on.
    """

    instance: str
    state_age_ms: int | None
    watermark: int


class TierProgressView(msgspec.Struct, frozen=True, kw_only=True):
    """Progress of learning and of shadow evaluation in a tier.

    Attributes
    ----------
    log_end: Sequence of the tier's last outcome in the log; 0 before the first. None when unknown.
    watermark: The last outcome applied to the store.
    lag: Outcomes in the log that are not applied yet.
    shadow_lag: Decisions that the shadow-evaluator has not read yet.
    reward_lag: Rewards that it has not joined yet.
    halted: The reward-updater has halted the tier because log and store disagree.
    state_age_ms: Of each decision replica.
    """

    tier: str
    log_end: int | None
    watermark: int | None
    lag: int | None
    shadow_lag: int | None
    reward_lag: int | None
    halted: bool
    state_age_ms: list[ReplicaAgeView]


class HopView(msgspec.Struct, frozen=True, kw_only=True):
    """Latency of one hop over all processes in the last minute.

    Attributes
    ----------
    hop: ``http_decision``, ``http_outcome``: a request at the gateway; ``replica``: a decision at a replica;
        ``store_commit``: a commit of outcomes; ``llm_overhead``, ``llm_first_byte``: a chat request; others as in the
        metric ``pointsman_hop_seconds``.
    p50_ms, p99_ms: Estimated from a histogram, as Prometheus does. None without observations.
    count: Number of observations.
    """

    hop: str
    p50_ms: float | None
    p99_ms: float | None
    count: int


class ThroughputView(msgspec.Struct, frozen=True, kw_only=True):
    """Rates per second over all processes in the last minute; None when unknown.

    Attributes
    ----------
    degraded_per_s: Degraded responses; they are not included in the decisions.
    """

    decisions_per_s: float | None
    outcomes_per_s: float | None
    degraded_per_s: float | None = None


class ReportedProblemView(msgspec.Struct, frozen=True, kw_only=True):
    """What does not work in one process, or has reached a limit.

    Attributes
    ----------
    service, instance: The process that reports it.
    kind: ``unwritable``, ``halted``, ``waiting``, ``behind``, ``stale``, ``log-put-back``, ``log-filling``,
        ``disk-low``, ``provider``, ``model``, ``degraded`` or another.
    subject: What has the problem, as ``tier SIMPLE``.
    serious: Whether it needs an operator; otherwise it may pass, or concerns a part of the service.
    """

    service: str
    instance: str
    kind: str
    subject: str
    text: str
    serious: bool


class SystemResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to ``GET /v1/system``: what the gateway could query, at most a second ago.

    Attributes
    ----------
    at_ms: Time of the query, Unix milliseconds.
    problems: What could not be queried.
    reported: What the processes report as not working.
    dead_letters: Number of messages that could not be read, by stream.
    """

    at_ms: int
    problems: list[str]
    services: list[ServiceView]
    streams: list[StreamView]
    tiers: list[TierProgressView]
    hops: list[HopView]
    dead_letters: dict[str, int]
    throughput: ThroughputView
    reported: list[ReportedProblemView] = []


class SystemHandler:
    """Handler of requests for the state of the system."""

    def __init__(self, monitor: SystemMonitor) -> None:
        self._monitor = monitor

    @HttpEndpoint(
        "GET /v1/system",
        name="getSystem",
        tag="insight",
        scope="read",
        summary="Get the state of every process, stream and tier, with latencies",
        description="All parts are queried at once, and the answer has what they return within about 300 ms; it is "
        "reused for a second.",
        answers={200: AnswerType("The state of the system", SystemResponse)},
    )
    async def get(self, _: Request) -> SystemResponse:
        """Answer one request."""
        return system_view(await self._monitor.snapshot())


def system_view(system: SystemSnapshot) -> SystemResponse:
    """Return a snapshot as the API shows it."""
    return SystemResponse(
        at_ms=system.at_ms,
        problems=system.problems,
        services=[_service(process) for process in system.processes],
        streams=[_stream(name, system.streams[name]) for name in subjects.STREAM_SUBJECTS if name in system.streams],
        tiers=[tier_view(system, tier) for tier in system.tiers],
        hops=[_hop(name, system.processes) for name in HOPS],
        reported=[
            ReportedProblemView(
                service=process.status.service, instance=process.status.instance, **msgspec.structs.asdict(problem)
            )
            for process in system.processes
            for problem in process.status.problems or ()
        ],
        dead_letters=system.dead_letters,
        throughput=ThroughputView(
            decisions_per_s=_rate((status.decisions, status.over_s) for status in system.statuses("decision")),
            outcomes_per_s=_rate((status.outcomes, status.over_s) for status in system.statuses("gateway")),
            degraded_per_s=_rate(
                (sum(degraded.count for degraded in status.degraded), status.over_s)
                for status in system.statuses("gateway")
                if status.degraded is not None  # an older version does not report it
            ),
        ),
    )


def tier_view(system: SystemSnapshot, tier: str) -> TierProgressView:
    """Return the progress of a tier."""
    progress = system.tiers[tier]
    reports = [
        (process.status, report)
        for process in system.processes
        for report in process.status.tiers
        if report.tier == tier
    ]
    lag = _largest(report.log_lag for _, report in reports)
    if progress.log_end is not None and progress.watermark is not None and progress.log_end <= progress.watermark:
        lag = 0  # more recent than the report of the reward-updater, which is from its last read
    return TierProgressView(
        tier=tier,
        log_end=progress.log_end,
        watermark=progress.watermark,
        lag=lag,
        shadow_lag=_largest(report.shadow_lag for _, report in reports),
        reward_lag=_largest(report.reward_lag for _, report in reports),
        halted=any(report.halted for _, report in reports),
        state_age_ms=[
            ReplicaAgeView(instance=status.instance, state_age_ms=report.state_age_ms, watermark=report.watermark or 0)
            for status, report in reports
            if status.service == "decision"
        ],
    )


def _service(process: ProcessStatus) -> ServiceView:
    status = process.status
    latency = _hop(SERVICE_HOPS.get(status.service, ""), [process])
    return ServiceView(
        service=status.service,
        instance=status.instance,
        version=process.version,
        started_ms=status.started_ms,
        requests=status.requests,
        errors=status.errors,
        p50_ms=latency.p50_ms,
        p99_ms=latency.p99_ms,
        state_age_ms=_largest(tier.state_age_ms for tier in status.tiers) if status.service == "decision" else None,
    )


def _stream(name: str, info: StreamInfo) -> StreamView:
    state = info.state
    return StreamView(
        name=name,
        messages=state.messages,
        bytes=state.bytes,
        max_bytes=info.config.max_bytes if info.config.max_bytes > 0 else None,
        first_sequence=state.first_seq,
        last_sequence=state.last_seq,
        first_ms=_unix_ms(state.first_ts) if state.messages else None,
        last_ms=_unix_ms(state.last_ts) if state.messages else None,
    )


def _unix_ms(timestamp: str) -> int | None:
    try:
        return unix_ms(timestamp)
    except ValueError:
        return None


def _hop(name: str, processes: Iterable[ProcessStatus]) -> HopView:
    hops = [hop for process in processes for hop in process.status.hops if hop.hop == name]
    return HopView(
        hop=name,
        p50_ms=latency_quantile_ms(hops, 0.5),
        p99_ms=latency_quantile_ms(hops, 0.99),
        count=round(sum(sum(hop.counts) for hop in hops)),
    )


def _rate(counts: Iterable[tuple[float, float]]) -> float | None:
    """Return the sum of the rates of several processes, each given as a count and its period in seconds."""
    rates = [count / over_s for count, over_s in counts if over_s > 0.0]
    return sum(rates) if rates else None


def _largest(numbers: Iterable[int | None]) -> int | None:
    return max((number for number in numbers if number is not None), default=None)
