"""Progress of the demo: a live table on a terminal, a line at intervals elsewhere."""

import asyncio
import time
from collections.abc import Awaitable

from rich.bar import Bar
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Column, Table
from rich.text import Text

from pointsman.cli.devtools.demo.tally import Means, Tally

WINDOW = 300
SPARKLINE_PARTS = 24
REFRESH_INTERVAL_S = 0.2
REQUESTS_PER_LINE = 500
LINE_INTERVAL_S = 5.0
_BARS = "▁▂▃▄▅▆▇█"


async def show_progress(console: Console, tally: Tally, work: Awaitable[None]) -> None:
    """Show the tally while the work runs; return or raise as the work does."""
    task = asyncio.ensure_future(work)
    try:
        if console.is_terminal:
            await _show_live(console, tally, task)
        else:
            await _show_lines(console, tally, task)
        await task
    finally:
        task.cancel()


async def _show_live(console: Console, tally: Tally, task: asyncio.Future[None]) -> None:
    with Live(console=console, auto_refresh=False) as live:
        while not task.done():
            await asyncio.wait([task], timeout=REFRESH_INTERVAL_S)
            live.update(progress_table(tally), refresh=True)


async def _show_lines(console: Console, tally: Tally, task: asyncio.Future[None]) -> None:
    next_at, last_s = REQUESTS_PER_LINE, time.monotonic()
    while not task.done():
        await asyncio.wait([task], timeout=REFRESH_INTERVAL_S)
        if len(tally) >= next_at or time.monotonic() - last_s > LINE_INTERVAL_S:
            console.print(progress_line(tally), highlight=False, soft_wrap=True)
            next_at, last_s = len(tally) // REQUESTS_PER_LINE * REQUESTS_PER_LINE + REQUESTS_PER_LINE, time.monotonic()


def progress_line(tally: Tally) -> str:
    """Return the progress in one line."""
    if not len(tally):
        return "no request served yet"
    recent = tally.means(slice(-WINDOW, None))
    shares = ", ".join(
        f"{arm.model} {share:.0%}"
        for arm, share in zip(tally.prompts.arms, tally.shares(slice(-WINDOW, None)), strict=True)
    )
    return (
        f"{len(tally):>6,} of {len(tally.prompts):,} · {tally.per_second:,.0f} decisions/s · "
        f"reward {tally.means().reward:.1f}, of the last {min(WINDOW, len(tally))} {recent.reward:.1f} "
        f"(quality {recent.quality:.1f}, ${1000 * recent.cost_usd:.2f} per 1,000; {shares})"
    )


def progress_table(tally: Tally) -> RenderableType:
    """Return the progress as a table."""
    total = len(tally.prompts)
    title = Text(f"{len(tally):,} of {total:,} requests · {tally.per_second:,.0f} decisions per second")
    if not len(tally):
        return title
    recent = slice(-WINDOW, None)
    everything = tally.choices()[0]
    table = Table("", *(_right(name) for name in ("reward", "quality", "$ per 1,000")), box=None, pad_edge=False)
    for name, means in (
        (f"the last {min(WINDOW, len(tally))}", tally.means(recent)),
        ("so far", tally.means()),
        ("the same by uniform choice", tally.means_uniform(everything)),
    ):
        table.add_row(name, *means_cells(means))
    shares = Table("", _right("last 300"), _right("so far"), "", box=None, pad_edge=False)
    for arm, now, ever in zip(tally.prompts.arms, tally.shares(recent), tally.shares(), strict=True):
        shares.add_row(str(arm), f"{now:.0%}", f"{ever:.0%}", Bar(1.0, 0.0, float(now), width=20))
    learned = Text(
        f"reward against uniform choice, over time: {sparkline(tally.gains(min(SPARKLINE_PARTS, len(tally))))}"
    )
    return Group(title, Bar(total, 0, len(tally), width=60), table, shares, learned)


def means_cells(means: Means) -> tuple[str, str, str]:
    """Return means as cells of a table row."""
    return f"{means.reward:.1f}", f"{means.quality:.1f}", f"{1000 * means.cost_usd:.2f}"


def sparkline(values: list[float]) -> str:
    """Return a row of bars, the lowest value as the smallest bar."""
    low, high = min(values), max(values)
    span = high - low or 1.0
    return "".join(_BARS[min(int((value - low) / span * len(_BARS)), len(_BARS) - 1)] for value in values)


def _right(name: str) -> Column:
    return Column(name, justify="right")
