"""``GET /v1/overview``: what a tier does over time, what that is worth, and how it is."""

from __future__ import annotations

import time

from starlette.requests import Request
from starlette.responses import Response

from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.errors import InvalidMessage
from pointsman.shadow.report.messages import Window
from pointsman.shadow.sums.hour_sums import HOUR_MS
from pointsman.shadow.sums.store import ShadowStore
from pointsman_gateway.api.live_policies import live_policies
from pointsman_gateway.backends import Backends
from pointsman_gateway.console.activity import WINDOWS, Resolution, activity_point, activity_totals
from pointsman_gateway.console.baselines import baselines, read_baselines
from pointsman_gateway.console.health_line import health_line
from pointsman_gateway.console.snapshot import SystemWatch
from pointsman_gateway.console.views import ActivityPoint, Overview
from pointsman_gateway.http.query import read_query
from pointsman_gateway.http.response import HttpResponse

DEFAULT_WINDOW = "24h"
_PARAMETERS = frozenset({"tier", "window"})


class Overviews:
    """Shows what a tier does.

    Parameters
    ----------
    backends : Backends
    watch : SystemWatch
    """

    def __init__(self, backends: Backends, watch: SystemWatch) -> None:
        self._backends = backends
        self._watch = watch

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

    async def _overview(self, tier: str, resolution: Resolution, now_ms: int) -> Overview:
        config = self._backends.config
        sums = ShadowStore(self._backends.store, tier)
        units = resolution.units(now_ms)
        found = await sums.totals(resolution.identity, units, resolution.per_step)
        points: list[ActivityPoint] = [
            activity_point(first * resolution.unit_ms, of)
            for first, of in zip(units[:: resolution.per_step], found, strict=True)
        ]
        totals = activity_totals(points)
        from_ms = units.start * resolution.unit_ms
        hours = range(from_ms // HOUR_MS, now_ms // HOUR_MS + 1)
        active = (await live_policies(self._backends, tier)).active.identity
        arms = [str(arm) for arm in self._backends.tiers[tier]]
        compared = await read_baselines(sums, active, arms, hours)
        now = await self._watch.look()
        return Overview(
            tier=tier,
            window=Window(from_ms=from_ms, to_ms=now_ms),
            step_s=resolution.step_s,
            points=points,
            totals=totals,
            against=baselines(compared, totals, config.report.confidence),
            health=health_line(now, tier, config.decision.stale_after_ms),
        )
