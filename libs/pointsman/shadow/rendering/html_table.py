"""Tables of the page: escaped, captioned, and scrolling sideways where they must."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from pointsman.shadow.report.messages import ReportedEstimate, Verdict

VERDICT_CLASS: dict[Verdict, str] = {
    "promote": "promote",
    "do not promote": "no",
    "keep watching": "watch",
    "cannot tell": "unknown",
}


def cell(text: str, number: bool = False, head: bool = False, prose: bool = False) -> str:
    """Return one cell; ``head`` makes it the row's heading."""
    kind = ' class="n"' if number else ' class="text"' if prose else ""
    return f'<th scope="row"{kind}>{escape(text)}</th>' if head else f"<td{kind}>{escape(text)}</td>"


def estimate_cell(estimate: ReportedEstimate, say: Callable[[float], str]) -> str:
    """Return a cell with an estimate and its always-valid interval."""
    if estimate.estimate is None:
        return cell("–", number=True)
    low, high = estimate.always_valid.low, estimate.always_valid.high
    span = "" if low is None or high is None else f'<span class="range">{escape(f"{say(low)} to {say(high)}")}</span>'
    return f'<td class="n">{escape(say(estimate.estimate))}{span}</td>'


def verdict_badge(verdict: Verdict) -> str:
    """Return a verdict as a label with a colour."""
    return f'<span class="verdict {VERDICT_CLASS[verdict]}">{escape(verdict)}</span>'


def with_interval(estimate: ReportedEstimate, say: Callable[[float], str]) -> str:
    """Return ``+1.9 (+0.4 to +3.4)``, or as much of it as is known."""
    if estimate.estimate is None:
        return "–"
    low, high = estimate.always_valid.low, estimate.always_valid.high
    told = say(estimate.estimate)
    return told if low is None or high is None else f"{told} ({say(low)} to {say(high)})"


def table(caption: str, columns: Sequence[str], rows: Sequence[Sequence[str]], numbers_from: int = 1) -> str:
    """Return a table; ``rows`` are of cells, columns from ``numbers_from`` on are numbers."""
    heads = "".join(
        f'<th scope="col"{" class=" + chr(34) + "n" + chr(34) if at >= numbers_from else ""}>{escape(name)}</th>'
        for at, name in enumerate(columns)
    )
    body = "".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    return (
        f'<div class="scroll wide" tabindex="0" role="region" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )
