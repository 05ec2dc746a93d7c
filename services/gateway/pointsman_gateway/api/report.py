"""``GET /v1/shadow/report``: what each shadow policy would have done differently, and what follows from it."""

from __future__ import annotations

import time

from starlette.requests import Request
from starlette.responses import Response

from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.errors import InvalidMessage
from pointsman.shadow.report import CONTENT_SECURITY_POLICY, build_report, render_page
from pointsman_gateway.api.live_policies import live_policies
from pointsman_gateway.backends import Backends
from pointsman_gateway.http.problems import ProblemError
from pointsman_gateway.http.query import parse_window, read_query
from pointsman_gateway.http.response import HTML, HttpResponse

DEFAULT_WINDOW = "7d"
FORMATS = ("json", "html")
_PARAMETERS = frozenset({"window", "tier", "policy", "format"})
_HOUR_MS = 3_600_000
_PAGE_HEADERS = (
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("x-content-type-options", "nosniff"),
    ("cache-control", "no-cache"),
)


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
        form = query.get("format", "json")
        if form not in FORMATS:
            raise InvalidMessage("format", f"expected json or html, got {form[:80]!r}")
        tiers = [self._backends.require_tier(query["tier"])] if "tier" in query else list(self._backends.tiers)
        policies = {tier: await live_policies(self._backends, tier) for tier in tiers}
        wanted = query.get("policy")
        if wanted is not None:
            policies = {tier: of for tier, of in policies.items() if any(spec.name == wanted for spec in of.shadows)}
            if not policies:
                raise ProblemError(404, f"no shadow policy {wanted[:80]!r} runs there", "policy")
        to_ms = int(time.time() * 1000)
        window_ms = (to_ms - hours * _HOUR_MS, to_ms)
        report = await build_report(self._backends.store, policies, self._backends.config, window_ms, wanted)
        if form == "html":
            return HttpResponse(200, render_page(report).encode(), HTML, _PAGE_HEADERS).response()
        return HttpResponse(200, encode(report)).response()
