"""Tables of the HTML page: escaped, with a caption, and scrolling horizontally if they are too wide."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from pointsman.shadow.report.messages import ReportedEstimate, Verdict
from pointsman.shadow.report.number_format import NumberFormat, interval

VERDICT_CLASS: dict[Verdict, str] = {
    "promote": "promote",
    "do not promote": "no",
    "keep watching": "watch",
    "cannot tell": "unknown",
}


class Cell(NamedTuple):
    """A cell with HTML content and a class of the style sheet."""

    html: str
    css_class: str = ""


def estimate_cell(estimate: ReportedEstimate, number_format: NumberFormat) -> Cell:
    """Return a cell with an estimate and its always-valid interval."""
    if estimate.estimate is None:
        return Cell("–", "n")
    span = interval(estimate, number_format)
    shown = f'<span class="range">{escape(span)}</span>' if span else ""
    return Cell(f"{escape(number_format(estimate.estimate))}{shown}", "n")


def verdict_badge(verdict: Verdict) -> str:
    """Return a verdict as a colored label."""
    return f'<span class="verdict {VERDICT_CLASS[verdict]}">{escape(verdict)}</span>'


def table(caption: str, columns: Sequence[str], rows: Sequence[Sequence[str | Cell]], numbers_from: int = 1) -> str:
    """Return a table. The first cell of a row is its heading; text from column ``numbers_from`` on is a number."""
    heads = "".join(
        f'<th scope="col"{_css("n" if at >= numbers_from else "")}>{escape(name)}</th>'
        for at, name in enumerate(columns)
    )
    body = "".join(f"<tr>{''.join(_cell(at, cell, numbers_from) for at, cell in enumerate(row))}</tr>" for row in rows)
    return (
        f'<div class="scroll wide" tabindex="0" role="region" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell(at: int, cell: str | Cell, numbers_from: int) -> str:
    html, css_class = cell if isinstance(cell, Cell) else Cell(escape(cell), "n" if at >= numbers_from else "")
    return f'<th scope="row">{html}</th>' if at == 0 else f"<td{_css(css_class)}>{html}</td>"


def _css(css_class: str) -> str:
    return f' class="{css_class}"' if css_class else ""
