"""``GET /v1/overview``: activity of a tier over time, comparison with baselines, and health."""

from __future__ import annotations

import time

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.errors import InvalidMessage
from pointsman.shadow.report.messages import Window
from pointsman.shadow.sums.hour_sums import HOUR_MS
from pointsman.shadow.sums.store import ShadowStore
from pointsman_gateway.api.live_policies import live_policies
from pointsman_gateway.backends import Backends
from pointsman_gateway.console.activity import (
    WINDOWS,
    ActivityPointView,
    ActivityTotalsView,
    Resolution,
    activity_point,
    activity_totals,
)
from pointsman_gateway.console.baselines import BaselineView, compare_with_baselines, read_baselines
from pointsman_gateway.console.system_monitor import SystemMonitor
from pointsman_gateway.console.tier_health import TierHealthView, tier_health
from pointsman_gateway.http.query import read_query
from pointsman_gateway.http.response import HttpResponse

DEFAULT_WINDOW = "24h"
_PARAMETERS = frozenset({"tier", "window"})


class OverviewResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to ``GET /v1/overview``.

    Attributes
    ----------
    step_s : int
        Length of the interval of each point.
    points : list
        In order of time, one for each interval, also for those without a decision; the last interval is incomplete.
    against : list
        The active policy compared with baselines; a baseline with too little data is absent.
    """

    tier: str
    window: Window
    step_s: int
    points: list[ActivityPointView]
    totals: ActivityTotalsView
    against: list[BaselineView]
    health: TierHealthView


class OverviewHandler:
    """Handler of overview requests.

    Parameters
    ----------
    backends : Backends
    monitor : SystemMonitor
    """

    def __init__(self, backends: Backends, monitor: SystemMonitor) -> None:
        self._backends = backends
        self._monitor = monitor

    async def get(self, request: Request) -> Response:
        """Answer one request."""
        query = read_query(request, _PARAMETERS)
        if "tier" not in query:
            raise InvalidMessage("tier", "expected the name of a tier")
        tier = self._backends.require_tier(query["tier"])
        window = query.get("window", DEFAULT_WINDOW)
        if window not in WINDOWS:
            raise InvalidMessage("window", f"expected one of {', '.join(WINDOWS)}, got {window[:80]!r}")
        overview = await self._overview(tier, WINDOWS[window], int(time.time() * 1000))
        return HttpResponse(200, encode(overview)).response()

    async def _overview(self, tier: str, resolution: Resolution, now_ms: int) -> OverviewResponse:
        config = self._backends.config
        store = ShadowStore(self._backends.store, tier)
        units = resolution.units(now_ms)
        from_ms = units.start * resolution.unit_ms
        intervals = await store.totals(resolution.identity, units, resolution.per_step)
        totals = activity_totals(intervals)
        hours = range(from_ms // HOUR_MS, now_ms // HOUR_MS + 1)
        active = (await live_policies(self._backends, tier)).active.identity
        baselines = await read_baselines(store, active, [str(arm) for arm in self._backends.tiers[tier]], hours)
        return OverviewResponse(
            tier=tier,
            window=Window(from_ms=from_ms, to_ms=now_ms),
            step_s=resolution.step_s,
            points=[
                activity_point(from_ms + index * resolution.step_s * 1000, sums) for index, sums in enumerate(intervals)
            ],
            totals=totals,
            against=compare_with_baselines(baselines, totals, config.report.confidence),
            health=tier_health(await self._monitor.snapshot(), tier, config.decision.stale_after_ms),
        )
