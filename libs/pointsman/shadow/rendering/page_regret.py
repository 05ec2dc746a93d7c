"""The section of the HTML page on the regret of a tier."""

from html import escape

from pointsman.shadow.rendering.html_table import Cell, table
from pointsman.shadow.rendering.plots import Row, forest
from pointsman.shadow.report.messages import Regret, RegretReport
from pointsman.shadow.report.number_format import plain, signed, span, whole, with_interval


def regret_section(regret: RegretReport, active: float | None) -> str:
    """Return the section; ``active`` is the active policy's mean reward, for the plot."""
    line = "; the line is what the active policy earns" if active is not None else ""
    plot = forest(
        f"Mean reward if one arm served every request{line}",
        [Row(arm.arm, arm.value, None, None, arm.low, arm.high) for arm in regret.arms],
        plain,
        active,
        "what the active policy earns",
    )
    rows: list[list[str | Cell]] = [
        [
            arm.arm,
            "–" if arm.value is None else plain(arm.value),
            "–" if arm.low is None or arm.high is None else span(arm.low, arm.high),
            whole(arm.effective_sample_size),
            f"{arm.worse_samples} of {arm.samples}" if arm.samples else "–",
            Cell(escape(f"underperforms: it {arm.why}") if arm.underperforms else "", "text"),
        ]
        for arm in regret.arms
    ]
    columns = ["Arm", "Mean reward", "Interval", "Effective sample", "Worse hours", ""]
    return (
        '<section class="card"><div class="head"><h3>Regret of the active policy</h3>'
        f'<span class="note">{escape(regret.active)}</span></div>'
        f"<p>{escape(_against('the best shadow', regret.against_best_shadow))}<br>"
        f"{escape(_against('the best fixed arm', regret.against_best_arm))}</p>"
        f"{f'<p>{escape(regret.finding)}</p>' if regret.finding else ''}"
        f'<div class="plots">{plot}</div>{table("Arms, each as if it served every request", columns, rows)}</section>'
    )


def _against(alternative: str, regret: Regret | None) -> str:
    if regret is None:
        return f"Against {alternative}: not enough outcomes yet."
    return f"Against {alternative}, {regret.best}: {with_interval(regret.delta, signed)} points of reward per decision."
