"""``GET /v1/shadow/report``: the comparison of each shadow policy with the active one."""

import time
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from starlette.requests import Request

from pointsman.shadow.rendering.page import CONTENT_SECURITY_POLICY, render_page
from pointsman.shadow.report.builder import build_report
from pointsman.shadow.report.messages import Report
from pointsman_gateway.api.parameters import DEFAULT_WINDOW, TierFilter, WindowText, parse_window
from pointsman_gateway.api.policies.active import read_active_policies
from pointsman_gateway.backends import Backends
from pointsman_gateway.http.endpoint import AnswerType, HttpEndpoint
from pointsman_gateway.http.problems import ProblemError
from pointsman_gateway.http.response import HTML, HttpResponse

_HOUR_MS = 3_600_000
_PAGE_HEADERS = (
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("x-content-type-options", "nosniff"),
    ("cache-control", "no-cache"),
)


class ReportQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query parameters."""

    window: Annotated[
        WindowText,
        Meta(description="Length of the period: days, hours or minutes, at most 90d; minutes are rounded up to hours"),
    ] = DEFAULT_WINDOW
    tier: TierFilter = None
    policy: Annotated[
        str | None, Meta(description="Only this shadow policy, without regret; all current shadows by default")
    ] = None
    format: Annotated[Literal["json", "html"], Meta(description="`html`: a self-contained page with plots")] = "json"


class ShadowReportHandler:
    """Reports on the shadow policies."""

    def __init__(self, backends: Backends) -> None:
        self._backends = backends

    @HttpEndpoint(
        "GET /v1/shadow/report",
        name="getShadowReport",
        tag="insight",
        scope="read",
        summary="Compare shadow policies with the active policy",
        description="With intervals, a verdict and its reason, and the regret of the active policy. Sums are kept by "
        "the hour, so the period is widened to whole hours. Rewards and qualities are 0 to 100.",
        query=ReportQuery,
        answers={200: AnswerType("The comparison", Report, text=("text/html",))},
        problems=(404, 503),
    )
    async def get(self, _: Request, query: ReportQuery) -> Report | HttpResponse:
        """Answer one request."""
        hours = parse_window(query.window)
        tiers = [self._backends.require_tier(query.tier)] if query.tier is not None else list(self._backends.tiers)
        policies = {tier: await read_active_policies(self._backends, tier) for tier in tiers}
        if query.policy is not None:
            policies = {
                tier: current
                for tier, current in policies.items()
                if any(shadow.name == query.policy for shadow in current.shadows)
            }
            if not policies:
                raise ProblemError(404, f"no shadow policy {query.policy[:80]!r} runs there", "policy")
        to_ms = int(time.time() * 1000)
        window_ms = (to_ms - hours * _HOUR_MS, to_ms)
        report = await build_report(self._backends.store, policies, self._backends.config, window_ms, query.policy)
        if query.format == "html":
            return HttpResponse(200, render_page(report).encode(), HTML, _PAGE_HEADERS)
        return report
