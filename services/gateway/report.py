"""``GET /v1/shadow/report``: what each shadow policy would have done differently."""

from __future__ import annotations

import time

from starlette.requests import Request
from starlette.responses import Response

from pointsman.bus import BusError
from pointsman.bus.policies import read_policies
from pointsman.messages.codec import encode
from pointsman.messages.policies import PolicySpec
from pointsman.state.shadow_report import build_report
from services.gateway.backends import Backends
from services.gateway.problems import ProblemError
from services.gateway.query import parse_window, read_query
from services.gateway.replies import Reply

DEFAULT_WINDOW = "7d"
_PARAMETERS = frozenset({"window", "tier", "policy"})
_HOUR_MS = 3_600_000


class ShadowReport:
    """Reports on the shadow policies.

    Parameters
    ----------
    backends : Backends
    """

    def __init__(self, backends: Backends) -> None:
        self._backends = backends

    async def get(self, request: Request) -> Response:
        """Answer one request."""
        query = read_query(request, _PARAMETERS)
        hours = parse_window(query.get("window", DEFAULT_WINDOW))
        tiers = [self._backends.require_tier(query["tier"])] if "tier" in query else list(self._backends.tiers)
        shadows = {tier: await self._shadows(tier) for tier in tiers}
        if "policy" in query:
            wanted = query["policy"]
            shadows = {tier: [spec for spec in specs if spec.name == wanted] for tier, specs in shadows.items()}
            if not any(shadows.values()):
                raise ProblemError(404, f"no shadow policy {wanted[:80]!r} runs there", "policy")
        to_ms = int(time.time() * 1000)
        window_ms = (to_ms - hours * _HOUR_MS, to_ms)
        report = await build_report(self._backends.store, shadows, window_ms, self._backends.config.prices())
        return Reply(200, encode(report)).response()

    async def _shadows(self, tier: str) -> list[PolicySpec]:
        """Return the shadows that run now; the configured ones while NATS cannot say."""
        bus = self._backends.bus
        if bus is not None:
            try:
                current = await read_policies(bus, tier)
            except BusError:
                current = None
            if current is not None:
                return current[1].shadows
        section = self._backends.config.tier_named(tier)
        return self._backends.config.shadows(section) if section else []
