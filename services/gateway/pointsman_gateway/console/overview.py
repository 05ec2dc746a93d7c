"""``GET /v1/overview``: activity of a tier over time, comparison with baselines, and health."""

import asyncio
import time
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.requests import Request

from pointsman.learning.tier_store import TierStore
from pointsman.shadow.periods import DAY_MS, HOUR_MS
from pointsman.shadow.report.frontier import Frontier, frontier, predict_arms
from pointsman.shadow.report.messages import Window
from pointsman.shadow.report.regret import against_best
from pointsman.shadow.report.routing import nothing_to_learn
from pointsman.shadow.sums.activity import FIVE_MINUTES
from pointsman.shadow.sums.store import ShadowStore
from pointsman_gateway.api.parameters import TierName
from pointsman_gateway.api.policies.active import read_active_policies
from pointsman_gateway.backends import Backends
from pointsman_gateway.console.activity import (
    DAY_BY_HOURS,
    WINDOWS,
    ActivityPointView,
    ActivityTotalsView,
    activity_point,
    activity_totals,
)
from pointsman_gateway.console.baselines import (
    UNIFORM,
    BaselineView,
    compare_with_baselines,
    read_baselines,
    read_shadows,
)
from pointsman_gateway.console.system_monitor import SystemMonitor
from pointsman_gateway.console.tier_health import TierHealthView, tier_health
from pointsman_gateway.http.endpoint import AnswerType, HttpEndpoint


class OverviewResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to ``GET /v1/overview``.

    Attributes
    ----------
    step_s: Length of the interval of each point.
    points: In order of time, one for each interval, also for those without a decision; the last interval is incomplete.
    against: The active policy compared with baselines; a baseline with too little data is absent.
    finding: That there is nothing to learn from the requests so far, in a sentence; empty if there is, or may be.
    frontier: Quality against cost of the active policy, of every arm, and of the shadows.
    """

    tier: str
    window: Window
    step_s: int
    points: list[ActivityPointView]
    totals: ActivityTotalsView
    against: list[BaselineView]
    finding: str
    frontier: Frontier
    health: TierHealthView


class OverviewQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query parameters of ``GET /v1/overview``."""

    tier: Annotated[TierName, Meta(description="The tier")]
    window: Annotated[str, Meta(description="Length of the period", extra_json_schema={"enum": list(WINDOWS)})] = "24h"


class OverviewHandler:
    """Handler of overview requests."""

    def __init__(self, backends: Backends, monitor: SystemMonitor) -> None:
        self._backends = backends
        self._monitor = monitor

    @HttpEndpoint(
        "GET /v1/overview",
        name="getOverview",
        tag="insight",
        scope="read",
        summary="Get the activity of a tier over time and its value",
        description="Decisions, rewards and costs by arm; the active policy compared with the best fixed arm and with "
        "a uniform choice; quality against cost; and the health of the tier. Degraded decisions, which no policy made, "
        "are not included. Rewards are 0 to 100.",
        query=OverviewQuery,
        answers={200: AnswerType("The overview", OverviewResponse)},
        problems=(404, 503),
    )
    async def get(self, _: Request, query: OverviewQuery) -> OverviewResponse:
        """Answer one request."""
        tier, config = self._backends.require_tier(query.tier), self._backends.config
        resolution, now_ms = WINDOWS[query.window], int(time.time() * 1000)
        store = ShadowStore(self._backends.store, tier)
        first_day = (now_ms - resolution.window_s * 1000) // DAY_MS
        if resolution.identity == FIVE_MINUTES and first_day < await store.days_from():
            resolution = DAY_BY_HOURS
        units = resolution.units(now_ms)
        from_ms = units.start * resolution.unit_ms
        intervals = await store.totals(resolution.identity, units, resolution.per_step)
        totals = activity_totals(intervals)
        hours = range(from_ms // HOUR_MS, now_ms // HOUR_MS + 1)
        policies = await read_active_policies(self._backends, tier)
        baselines, shadows, learned = await asyncio.gather(
            read_baselines(store, policies.active.identity, [str(arm) for arm in self._backends.tiers[tier]], hours),
            read_shadows(store, policies, hours),
            TierStore(self._backends.store, tier).changes(),
        )
        fixed = {name: sums for name, sums in baselines.items() if name != UNIFORM}
        return OverviewResponse(
            tier=tier,
            window=Window(from_ms=from_ms, to_ms=now_ms),
            step_s=resolution.step_s,
            points=[
                activity_point(from_ms + index * resolution.step_s * 1000, sums) for index, sums in enumerate(intervals)
            ],
            totals=totals,
            against=compare_with_baselines(baselines, totals, config.report.confidence),
            finding=nothing_to_learn(against_best(fixed, config.report.confidence), baselines[UNIFORM]),
            frontier=frontier(
                policies.active.name,
                fixed,
                baselines[UNIFORM],
                shadows,
                predict_arms(learned.arms),
                config.report.confidence,
            ),
            health=tier_health(await self._monitor.snapshot(), tier, config.decision.stale_after_ms),
        )
