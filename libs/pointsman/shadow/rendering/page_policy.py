"""The section of the HTML page on one shadow policy."""

from html import escape

from pointsman.shadow.rendering.html_table import Cell, estimate_cell, table, verdict_badge
from pointsman.shadow.rendering.plots import Row, bars, by_day, forest
from pointsman.shadow.report.messages import PolicyReport
from pointsman.shadow.report.number_format import interval, per_thousand, percent, plain, signed, whole, with_interval

PLOTTED_PAIRS = 8
ESTIMATORS = (
    ("dr", "doubly robust"),
    ("sndr", "doubly robust, self-normalized"),
    ("ips", "inverse propensity"),
    ("snips", "inverse propensity, self-normalized"),
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
    delta, bias = policy.disagreements.reward_delta, policy.rewarded_bias
    on_each = "" if delta.estimate is None else f"reward {with_interval(delta, signed)} on each"
    facts = [
        ("Decisions", whole(policy.decisions), _run_note(policy)),
        ("With outcome", whole(policy.rewarded), _share(policy.rewarded_share, "of them")),
        ("Effective sample size", whole(policy.effective_sample_size), "decisions of its own that these are worth"),
        ("Agreement", _share(policy.agreement), _share(policy.expected_agreement, "expected")),
        ("Disagreements", whole(policy.disagreements.count), on_each),
        ("No overlap", _share(policy.unsupported), "of its choices are never served"),
    ]
    if policy.clipped.count:
        facts.append(("Weights clipped", whole(policy.clipped.count), f"{percent(policy.clipped.mass)} of all weight"))
    if policy.unjoined:
        facts.append(("Late outcomes", whole(policy.unjoined), "their decision was no longer in the log"))
    if bias.shift is not None:
        facts.append(("If all arms had the same share of outcomes", signed(bias.shift), "points on the difference"))
    shown = (
        f"<div><dt>{escape(name)}</dt><dd><strong>{escape(number)}</strong><span>{escape(more)}</span></dd></div>"
        for name, number, more in facts
    )
    return f'<dl class="facts">{"".join(shown)}</dl>'


def _run_note(policy: PolicyReport) -> str:
    notes = [f"{whole(policy.errors)} more with an error"] if policy.errors else []
    if policy.sample < 1.0:
        notes.append(f"a sample of {percent(policy.sample, 0)}")
    return ", ".join(notes) or "it was run on"


def _share(share: float | None, more: str = "") -> str:
    if share is None:
        return "" if more else "–"
    return f"{percent(share)} {more}".rstrip()


def _plots(policy: PolicyReport) -> list[str]:
    days = policy.drift.days
    rewards = [Row(d.day, d.reward_delta.estimate, d.reward_delta.low, d.reward_delta.high) for d in days]
    estimates = [Row.from_estimate(label, getattr(policy.estimates, name)) for name, label in ESTIMATORS]
    active = policy.estimates.active
    pairs = [(f"{pair.active}\n→ {pair.shadow}", float(pair.count)) for pair in policy.pairs[:PLOTTED_PAIRS]]
    left = len(policy.pairs) - PLOTTED_PAIRS
    title = "Disagreements, served → shadow" + (f" ({left} more pairs below)" if left > 0 else "")
    line = "; the line is the active policy's" if active is not None else ""
    agreements = [Row(day.day, day.agreement) for day in days]
    return [
        by_day("Reward difference by day, points of 100", rewards, signed, 0.0) if len(days) > 1 else "",
        by_day("Agreement by day", agreements, lambda share: percent(share, 0)) if len(days) > 1 else "",
        forest(f"Its mean reward, by every estimator{line}", estimates, plain, active, "the active policy's mean"),
        bars(title, pairs, whole),
    ]


def _tables(policy: PolicyReport) -> list[str]:
    differences: list[list[str | Cell]] = [
        [name, estimate_cell(delta, form), interval(delta, form, always_valid=False) or "–"]
        for name, delta, form in (
            ("reward", policy.reward_delta, signed),
            ("quality", policy.quality_delta, signed),
            ("cost, US$ per 1,000", policy.cost_delta, per_thousand),
            ("reward on disagreements", policy.disagreements.reward_delta, signed),
            ("quality on disagreements", policy.disagreements.quality_delta, signed),
        )
    ]
    days = [
        [
            day.day,
            whole(day.decisions),
            whole(day.rewarded),
            _share(day.agreement),
            with_interval(day.reward_delta, signed, always_valid=False),
        ]
        for day in policy.drift.days
    ]
    arms = [[arm.arm, whole(arm.served), whole(arm.rewarded), _share(arm.share)] for arm in policy.rewarded_bias.arms]
    pairs = [[pair.active, pair.shadow, whole(pair.count)] for pair in policy.pairs]
    confidence = percent(policy.reward_delta.confidence, 0)
    return [
        table(
            f"Differences, with both {confidence} intervals",
            ["", "Estimate (always-valid interval)", "For a single look"],
            differences,
        ),
        table("By day", ["Day", "Decisions", "With outcome", "Agreement", "Reward difference (single look)"], days),
        table("Decisions with an outcome, by the arm served", ["Arm", "Served", "With outcome", "Share"], arms),
        table("Disagreements", ["Served", "Shadow", "Count"], pairs, numbers_from=2) if pairs else "",
    ]
