"""``GET /v1/arms``: what is learned about each arm."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from statistics import NormalDist

import msgspec
import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from pointsman.contracts.messages.codec import encode
from pointsman.core.bandit import Arm, ArmState
from pointsman.shadow.report.messages import Window
from pointsman.shadow.sums import activity
from pointsman.shadow.sums.hour_sums import HOUR_MS
from pointsman.shadow.sums.store import ShadowStore
from pointsman_gateway.api.views import ArmList, ArmRecord, ArmView
from pointsman_gateway.backends import Backends
from pointsman_gateway.console.feature_names import FeatureNames
from pointsman_gateway.http.query import parse_flag, parse_window, read_query
from pointsman_gateway.http.response import HttpResponse

DEFAULT_WINDOW = "7d"
MAX_WIDTH_DIM = 128
"""Up to so many features A is inverted, to show how certain each coefficient is."""
MIN_COUNT = 30
"""Below so many outcomes the mean has no interval: it rests on the central limit theorem."""

_PARAMETERS = frozenset({"tier", "matrices", "window"})


class Arms:
    """Lists arms.

    Parameters
    ----------
    backends : Backends
    names : FeatureNames
    """

    def __init__(self, backends: Backends, names: FeatureNames) -> None:
        self._backends = backends
        self._names = names
        self._dim = backends.config.context.dim
        self._confidence = backends.config.report.confidence

    async def get(self, request: Request) -> Response:
        """Answer one request."""
        query = read_query(request, _PARAMETERS)
        matrices = parse_flag(query.get("matrices", "false"), "matrices")
        window_hours = parse_window(query.get("window", DEFAULT_WINDOW))
        tiers = [self._backends.require_tier(query["tier"])] if "tier" in query else list(self._backends.tiers)
        now_ms = int(time.time() * 1000)
        hours = range(now_ms // HOUR_MS - window_hours + 1, now_ms // HOUR_MS + 1)
        views: list[ArmView] = []
        for tier in tiers:
            learned = (await self._backends.tier_store(tier).changes()).arms
            (sums,) = await ShadowStore(self._backends.store, tier).totals(activity.HOURS, hours)
            records = activity.by_arm(sums)
            for arm in dict.fromkeys((*self._backends.tiers[tier], *learned)):
                state = learned.get(arm) or ArmState.fresh(self._dim)
                record = view_record(records.get(str(arm), {}), self._confidence)
                views.append(view_arm(tier, arm, state, record, matrices=matrices))
        window = Window(from_ms=hours.start * HOUR_MS, to_ms=now_ms)
        return HttpResponse(200, encode(ArmList(arms=views, window=window, features=self._names.default))).response()


def view_arm(tier: str, arm: Arm, state: ArmState, record: ArmRecord, *, matrices: bool) -> ArmView:
    """Return an arm as the API shows it."""
    width = np.sqrt(np.diag(np.linalg.inv(state.A))).tolist() if state.dim <= MAX_WIDTH_DIM else msgspec.UNSET
    return ArmView(
        tier=tier,
        provider=arm.provider,
        model=arm.model,
        n=state.n,
        mean_reward=state.mean_reward,
        mean_cost_usd=state.mean_cost_usd,
        theta=state.theta().tolist(),
        theta_width=width,
        recent=record,
        version=state.version,
        updated_at=_rfc3339(state.updated_at_ms) if state.updated_at_ms else None,
        **({"A": state.A.tolist(), "b": state.b.tolist()} if matrices else {}),
    )


def view_record(sums: Mapping[str, float], confidence: float) -> ArmRecord:
    """Return what became of an arm's decisions, from its sums in `pointsman.shadow.sums.activity`."""
    decisions, rewarded = round(sums.get("served", 0.0)), round(sums.get("joined", 0.0))
    mean = low = high = delay_s = None
    if rewarded:
        mean, delay_s = sums.get("earned", 0.0) / rewarded, sums.get("delayed", 0.0) / rewarded
    if mean is not None and rewarded >= MIN_COUNT:
        variance = max(sums.get("earned-square", 0.0) / rewarded - mean**2, 0.0) * rewarded / (rewarded - 1)
        half = NormalDist().inv_cdf(0.5 + confidence / 2.0) * math.sqrt(variance / rewarded)
        low, high = max(mean - half, 0.0), min(mean + half, 1.0)
    return ArmRecord(
        decisions=decisions,
        rewarded=rewarded,
        missing=max(decisions - rewarded, 0),
        mean_reward=mean,
        low=low,
        high=high,
        reward_delay_s=delay_s,
    )


def _rfc3339(at_ms: int) -> str:
    at = datetime.fromtimestamp(at_ms // 1000, UTC).replace(microsecond=at_ms % 1000 * 1000)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
