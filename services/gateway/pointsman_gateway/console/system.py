"""``GET /v1/system``: every process, stream and tier, and how long things take."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.status import HopCounts, TierStatus
from pointsman.runtime.bus import StreamInfo
from pointsman.runtime.telemetry.recent_counts import HOPS
from pointsman_gateway.console.latency import latency_quantile_ms
from pointsman_gateway.console.snapshot import Process, Snapshot, SystemWatch
from pointsman_gateway.console.system_views import (
    HopView,
    ReplicaAge,
    ServiceView,
    StreamView,
    SystemView,
    Throughput,
    TierView,
)
from pointsman_gateway.http.query import read_query
from pointsman_gateway.http.response import HttpResponse

OWN_HOP = {"gateway": "http_decision", "decision": "replica", "reward-updater": "store_commit"}
"""The hop that stands for a service."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class System:
    """Shows how the system is.

    Parameters
    ----------
    watch : SystemWatch
    """

    def __init__(self, watch: SystemWatch) -> None:
        self._watch = watch

    async def get(self, request: Request) -> Response:
        """Answer one request."""
        read_query(request, frozenset())
        return HttpResponse(200, encode(system_view(await self._watch.look()))).response()


def system_view(now: Snapshot) -> SystemView:
    """Return what is shown of a snapshot."""
    statuses = [process.status for process in now.processes]
    return SystemView(
        at_ms=now.at_ms,
        problems=now.problems,
        services=[_service(process) for process in now.processes],
        streams=[_stream(name, now.streams[name]) for name in subjects.STREAM_SUBJECTS if name in now.streams],
        tiers=[tier_view(now, tier) for tier in now.places],
        hops=[_hop(name, [hop for status in statuses for hop in status.hops if hop.hop == name]) for name in HOPS],
        dead_letters=now.dead,
        throughput=Throughput(
            decisions_per_s=_rate((status.decisions, status.over_s) for status in now.of("decision")),
            outcomes_per_s=_rate((status.outcomes, status.over_s) for status in now.of("gateway")),
            degraded_per_s=_rate(
                (sum(one.count for one in status.degraded), status.over_s)
                for status in now.of("gateway")
                if status.degraded is not None  # an older version does not say
            ),
        ),
    )


def tier_view(now: Snapshot, tier: str) -> TierView:
    """Return how far a tier is."""
    place = now.places[tier]
    told = [(status, of) for status in (p.status for p in now.processes) for of in status.tiers if of.tier == tier]
    lag = _largest(of.log_lag for _, of in told)
    if place.log_end is not None and place.watermark is not None and place.log_end <= place.watermark:
        lag = 0  # newer than what the updater says, which is from when it last read
    return TierView(
        tier=tier,
        log_end=place.log_end,
        watermark=place.watermark,
        lag=lag,
        shadow_lag=_largest(of.shadow_lag for _, of in told),
        reward_lag=_largest(of.reward_lag for _, of in told),
        halted=any(of.halted for _, of in told),
        state_age_ms=[
            ReplicaAge(instance=status.instance, state_age_ms=of.state_age_ms, watermark=of.watermark or 0)
            for status, of in told
            if status.service == "decision"
        ],
    )


def _service(process: Process) -> ServiceView:
    status = process.status
    own = [hop for hop in status.hops if hop.hop == OWN_HOP.get(status.service)]
    return ServiceView(
        service=status.service,
        instance=status.instance,
        version=process.version,
        started_ms=status.started_ms,
        requests=status.requests,
        errors=status.errors,
        p50_ms=latency_quantile_ms(own, 0.5),
        p99_ms=latency_quantile_ms(own, 0.99),
        state_age_ms=_oldest(status.tiers) if status.service == "decision" else None,
    )


def _oldest(tiers: Sequence[TierStatus]) -> int | None:
    return _largest(tier.state_age_ms for tier in tiers)


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
    """Return the time of NATS' RFC 3339, which has nanoseconds."""
    try:
        at = datetime.fromisoformat(timestamp[:26].rstrip("Z") + "+00:00")
    except ValueError:
        return None
    return (at - _EPOCH) // timedelta(milliseconds=1)


def _hop(name: str, counted: Sequence[HopCounts]) -> HopView:
    return HopView(
        hop=name,
        p50_ms=latency_quantile_ms(counted, 0.5),
        p99_ms=latency_quantile_ms(counted, 0.99),
        count=round(sum(sum(hop.counts) for hop in counted)),
    )


def _rate(counted: Iterable[tuple[float, float]]) -> float | None:
    """Return how much a second several processes have done together."""
    rates = [number / over_s for number, over_s in counted if over_s > 0.0]
    return sum(rates) if rates else None


def _largest(numbers: Iterable[int | None]) -> int | None:
    return max((number for number in numbers if number is not None), default=None)
