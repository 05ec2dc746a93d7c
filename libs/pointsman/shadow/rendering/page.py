"""The report as one self-contained HTML page: it includes its style and its plots, and has no script."""

import base64
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from importlib.resources import files

from pointsman.shadow.rendering.html_table import Cell, estimate_cell, table, verdict_badge
from pointsman.shadow.rendering.page_policy import policy_section
from pointsman.shadow.rendering.page_regret import regret_section
from pointsman.shadow.rendering.plots import Row, forest
from pointsman.shadow.report.messages import PolicyReport, Report, Window
from pointsman.shadow.report.number_format import per_thousand, percent, signed, whole

_STYLE = (files("pointsman.shadow.rendering") / "page.css").read_text(encoding="utf-8")
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M3 15V9l4-4V1M7 5l6 "
    "6v4' fill='none' stroke='%232a78d6' stroke-width='2'/%3E%3C/svg%3E"
)

_ALLOWED = f"default-src 'none'; style-src 'sha256-{_HASH}'; img-src data:; base-uri 'none'; form-action 'none'"
CONTENT_SECURITY_POLICY = f"{_ALLOWED}; frame-ancestors 'none'"
"""Header of the page: it permits the page's own style sheet, and nothing else."""


def render_page(report: Report) -> str:
    """Return the page."""
    tiers = list(dict.fromkeys([policy.tier for policy in report.policies] + [regret.tier for regret in report.regret]))
    body = "".join(_tier(tier, report) for tier in tiers)
    if not report.policies:
        body = "<p>No policy runs in shadow. Add one as <code>[[shadow]]</code> to the configuration.</p>" + body
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_ALLOWED}">
<title>Shadow report, {_period(report.window)}</title>
<link rel="icon" href="{_ICON}">
<style>{_STYLE}</style>
</head>
<body>
<header>
<h1>Shadow report</h1>
<p class="note">{_period(report.window)}, UTC. What each shadow policy would have earned, compared with the policy that
served.</p>
</header>
<main>
{body}
</main>
<footer>
<h2>How to read it</h2>
<p>A difference is the shadow's value less the active policy's, per decision; rewards and qualities are 0 to 100. The
thick interval contains the true value with the given confidence if you look only once. The thin interval is
always valid: it holds at all looks together, however often you look. The verdict is based on it alone. Estimates are
doubly robust: they use the logged propensities and the estimates that were made at decision time.</p>
<p>Assumptions: no outcome is missing because of its value, and no decision changes the outcome of another.</p>
</footer>
</body>
</html>
"""


def _tier(tier: str, report: Report) -> str:
    policies = [policy for policy in report.policies if policy.tier == tier]
    regrets = [regret for regret in report.regret if regret.tier == tier]
    active = next((name for name in [p.active for p in policies] + [r.active for r in regrets] if name), "")
    parts = [f"<h2>Tier {escape(tier)}</h2>"]
    if active:
        parts.append(f'<p class="note">Active: {escape(active)}</p>')
    if policies:
        parts.append(_overview(policies))
    parts += [policy_section(policy) for policy in policies]
    parts += [regret_section(regret, _active_reward(policies)) for regret in regrets if regret.arms]
    return "".join(parts)


def _overview(policies: Sequence[PolicyReport]) -> str:
    columns = ["Policy", "Verdict", "Decisions", "With outcome", "Agreement", "Reward", "Quality", "US$ per 1,000"]
    rows = [
        [
            policy.policy,
            Cell(verdict_badge(policy.verdict)),
            whole(policy.decisions),
            "–" if policy.rewarded_share is None else percent(policy.rewarded_share),
            "–" if policy.agreement is None else percent(policy.agreement),
            estimate_cell(policy.reward_delta, signed),
            estimate_cell(policy.quality_delta, signed),
            estimate_cell(policy.cost_delta, per_thousand)
            if policy.cost_delta.estimate is not None
            else "unknown"
            if policy.cost_delta_usd is None
            else per_thousand(policy.cost_delta_usd),
        ]
        for policy in policies
    ]
    plots = [
        forest(title, [Row.from_estimate(p.policy, getattr(p, name)) for p in policies], form, 0.0, "no difference")
        for title, name, form in (
            ("Reward difference, points of 100", "reward_delta", signed),
            ("Quality difference, points of 100", "quality_delta", signed),
            ("Cost difference, US dollars per 1,000 decisions", "cost_delta", per_thousand),
        )
    ]
    shown = f'<div class="plots">{"".join(plots)}</div>' if any(plots) else ""
    caption = "Differences to the active policy, with the always-valid interval"
    return f'<section class="card">{table(caption, columns, rows, numbers_from=2)}{shown}</section>'


def _active_reward(policies: Sequence[PolicyReport]) -> float | None:
    """Return the active policy's mean reward, from the shadow with the most rewarded decisions."""
    known = [policy for policy in policies if policy.estimates.active is not None]
    return max(known, key=lambda policy: policy.rewarded).estimates.active if known else None


def _period(window: Window) -> str:
    first, last = (datetime.fromtimestamp(ms / 1000.0, UTC) for ms in (window.from_ms, window.to_ms))
    return f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}"
