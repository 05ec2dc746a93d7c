"""The page's section about one shadow policy."""

from __future__ import annotations

from html import escape

from pointsman.shadow.rendering.html_table import cell, estimate_cell, table, verdict_badge, with_interval
from pointsman.shadow.rendering.plots import Point, Row, bars, by_day, forest
from pointsman.shadow.report.messages import PolicyReport
from pointsman.shadow.report.number_format import per_thousand, percent, signed, whole

MOST_PAIRS = 8
ESTIMATORS = (
    ("dr", "doubly robust"),
    ("sndr", "doubly robust, self-normalised"),
    ("ips", "inverse propensity"),
    ("snips", "inverse propensity, self-normalised"),
    ("dm", "logged estimates alone"),
)


def policy_section(policy: PolicyReport) -> str:
    """Return the section."""
    parts = [
        f'<section class="card"><div class="head"><h3>{escape(policy.policy)}</h3>'
        f"{verdict_badge(policy.verdict)}"
        f'<span class="note">{escape(policy.algorithm)}</span></div>',
        f"<p>{escape(policy.why[:1].upper() + policy.why[1:])}.</p>",
    ]
    if policy.decisions:
        parts += [_facts(policy), f'<div class="plots two">{"".join(_plots(policy))}</div>']
        if policy.drift.text:
            kind = "warn" if policy.drift.changed else "note"
            parts.append(f'<p class="{kind}">Drift: {escape(policy.drift.text)}</p>')
        parts.append(f"<details><summary>All numbers</summary>{''.join(_tables(policy))}</details>")
    return "".join(parts) + "</section>"


def _facts(policy: PolicyReport) -> str:
    facts = [
        ("Decisions", whole(policy.decisions), _tried(policy)),
        ("With outcome", whole(policy.rewarded), _share(policy.rewarded_share, "of them")),
        ("Effective sample size", whole(policy.effective_sample_size), "decisions of its own that they are worth"),
        ("Agreement", _share(policy.agreement), _share(policy.expected_agreement, "expected")),
        ("Disagreements", whole(policy.disagreements.count), _on_disagreements(policy)),
        ("No overlap", _share(policy.unsupported), "of its choices are never served"),
    ]
    if policy.clipped.count:
        facts.append(("Weights clipped", whole(policy.clipped.count), f"{percent(policy.clipped.mass)} of all weight"))
    if policy.unjoined:
        facts.append(("Outcomes too late", whole(policy.unjoined), "their decision had left the log"))
    if policy.rewarded_bias.shift is not None:
        facts.append(("If all arms had outcomes alike", signed(policy.rewarded_bias.shift), "points on the difference"))
    shown = (
        f"<div><dt>{escape(name)}</dt><dd><strong>{escape(number)}</strong><span>{escape(more)}</span></dd></div>"
        for name, number, more in facts
    )
    return f'<dl class="facts">{"".join(shown)}</dl>'


def _tried(policy: PolicyReport) -> str:
    notes = [f"{whole(policy.errors)} more raised"] if policy.errors else []
    if policy.sample < 1.0:
        notes.append(f"a sample of {percent(policy.sample, 0)}")
    return ", ".join(notes) or "it was run on"


def _on_disagreements(policy: PolicyReport) -> str:
    delta = policy.disagreements.reward_delta
    return "" if delta.estimate is None else f"reward {with_interval(delta, signed)} on each"


def _share(share: float | None, more: str = "") -> str:
    return "" if share is None and more else "–" if share is None else f"{percent(share)} {more}".rstrip()


def _plots(policy: PolicyReport) -> list[str]:
    days = policy.drift.days
    rewards = [Point(d.day, d.reward_delta.estimate, d.reward_delta.low, d.reward_delta.high) for d in days]
    estimates = [
        Row(label, of.estimate, of.low, of.high, of.always_valid.low, of.always_valid.high)
        for label, of in ((label, getattr(policy.estimates, name)) for name, label in ESTIMATORS)
    ]
    active = policy.estimates.active
    pairs = [(f"{pair.active}\n→ {pair.shadow}", float(pair.count)) for pair in policy.pairs[:MOST_PAIRS]]
    left = len(policy.pairs) - MOST_PAIRS
    title = "Disagreements, served → shadow" + (f" ({left} more pairs below)" if left > 0 else "")
    line = "; the line is the active policy's" if active is not None else ""
    agreements = [Point(day.day, day.agreement) for day in days]
    return [
        by_day("Reward difference by day, points of 100", rewards, signed, 0.0) if len(days) > 1 else "",
        by_day("Agreement by day", agreements, lambda share: percent(share, 0)) if len(days) > 1 else "",
        forest(f"Its mean reward, by every estimator{line}", estimates, _plain, active, "the active policy's mean"),
        bars(title, pairs, whole),
    ]


def _tables(policy: PolicyReport) -> list[str]:
    differences = [
        [cell(name, head=True), estimate_cell(of, say), cell(_once(of.low, of.high, say), number=True)]
        for name, of, say in (
            ("reward", policy.reward_delta, signed),
            ("quality", policy.quality_delta, signed),
            ("cost, US$ per 1,000", policy.cost_delta, per_thousand),
            ("reward on disagreements", policy.disagreements.reward_delta, signed),
            ("quality on disagreements", policy.disagreements.quality_delta, signed),
        )
    ]
    days = [
        [
            cell(day.day, head=True),
            cell(whole(day.decisions), number=True),
            cell(whole(day.rewarded), number=True),
            cell(_share(day.agreement), number=True),
            cell(_once(day.reward_delta.low, day.reward_delta.high, signed, day.reward_delta.estimate), number=True),
        ]
        for day in policy.drift.days
    ]
    arms = [
        [
            cell(arm.arm, head=True),
            cell(whole(arm.served), number=True),
            cell(whole(arm.rewarded), number=True),
            cell(_share(arm.share), number=True),
        ]
        for arm in policy.rewarded_bias.arms
    ]
    pairs = [
        [cell(pair.active, head=True), cell(pair.shadow), cell(whole(pair.count), number=True)] for pair in policy.pairs
    ]
    confidence = percent(policy.reward_delta.confidence, 0)
    return [
        table(
            f"Differences, with both {confidence} intervals",
            ["", "Estimate (holds at every look)", "For one look"],
            differences,
        ),
        table("By day", ["Day", "Decisions", "With outcome", "Agreement", "Reward difference (one look)"], days),
        table("Which decisions have outcomes, by the arm served", ["Arm", "Served", "With outcome", "Share"], arms),
        table("Disagreements", ["Served", "Shadow", "Count"], pairs, numbers_from=2) if pairs else "",
    ]


def _once(low: float | None, high: float | None, say: object, estimate: float | None = None) -> str:
    if low is None or high is None or not callable(say):
        return "–" if estimate is None or not callable(say) else str(say(estimate))
    told = f"{say(low)} to {say(high)}"
    return told if estimate is None else f"{say(estimate)} ({told})"


def _plain(number: float) -> str:
    return f"{number:.1f}".replace("-", "−")
