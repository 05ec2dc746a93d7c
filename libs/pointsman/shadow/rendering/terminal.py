"""The report in the terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pointsman.shadow.report.messages import PolicyReport, Regret, RegretReport, Report, ReportedEstimate
from pointsman.shadow.report.number_format import bounds, per_thousand, percent, signed, span, whole

MOST_PAIRS = 10
WIDE = 112
"""Columns of a terminal that the whole table fits into; a narrower one is shown less of it."""
NARROW = 80
"""In one that is narrower still, policy, decisions, reward and verdict are all there is room for."""
LONGEST_NAME = 20
"""Letters of a policy's or a tier's name on one line; the rest is on the next."""
STYLE = {"promote": "bold green", "do not promote": "bold red", "keep watching": "bold yellow", "cannot tell": "bold"}


def print_report(console: Console, report: Report, period: str) -> None:
    """Print the comparison of every policy, the reasons, the disagreements, and the regret.

    Parameters
    ----------
    period : str
        The window in words, as ``the last 7 days``.
    """
    policies = sorted(report.policies, key=lambda p: (p.policy, p.tier))
    seen = [policy for policy in policies if policy.decisions or policy.errors]
    if not policies:
        console.print("No shadow policy runs. Add one to the configuration as \\[\\[shadow]], and restart.")
    elif not seen:
        names = " or ".join(sorted({policy.policy for policy in policies}))
        console.print(f"Nothing to compare yet: in {period} no decision was tried on {names}.")
    else:
        console.print(_table(policies, period, console.width))
        _print_notes(console, policies)
        for policy in seen:
            _print_policy(console, policy)
    for regret in report.regret:
        _print_regret(console, regret)


def _table(policies: Sequence[PolicyReport], period: str, width: int) -> Table:
    wide, narrow = width >= WIDE, width < NARROW
    table = Table(title=f"Shadow policies, {period}", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    longest = max(len(name) for policy in policies for name in (policy.policy, policy.tier))
    table.add_column("policy\ntier", overflow="fold", min_width=min(longest, LONGEST_NAME))
    names = ["decisions\nwith outcome" if wide else "decided\nrewarded", *([] if narrow else ["agrees"]), "reward"]
    names += ["quality", "cost, $\nper 1,000"] if wide else [] if narrow else ["$ / 1,000"]
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    with_errors = any(policy.errors for policy in policies)
    if with_errors:
        table.add_column("raised", justify="right")
    table.add_column("verdict", no_wrap=True)
    for policy in policies:
        share = "" if policy.rewarded_share is None else f"\n{percent(policy.rewarded_share, 0)}"
        table.add_row(
            f"{escape(policy.policy)}\n{policy.tier}",
            f"{whole(policy.decisions)}{share}",
            *([] if narrow else ["–" if policy.agreement is None else percent(policy.agreement)]),
            _in_lines(policy.reward_delta, signed),
            *([_in_lines(policy.quality_delta, signed)] if wide else []),
            *([] if narrow else [_cost(policy, wide)]),
            *([whole(policy.errors)] if with_errors else []),
            f"[{STYLE[policy.verdict]}]{policy.verdict}[/]",
        )
    return table


def _print_notes(console: Console, policies: Sequence[PolicyReport]) -> None:
    if any(policy.reward_delta.always_valid.low is not None for policy in policies):
        confidence = percent(policies[0].reward_delta.confidence, 0)
        console.print(
            f"differences to the active policy, of one request; below them the {confidence} interval that holds at "
            "every look"
        )
    if any(policy.cost_delta_usd and policy.cost_delta_method == "arm-means" for policy in policies):
        console.print(
            "cost without an interval: expected, at each arm's mean cost on the requests it was sent; where those were "
            "the requests it is cheap on,\nit looks cheaper than it would be."
        )
    unknown = sorted({arm for policy in policies for arm in policy.cost_unknown})
    if unknown:
        console.print(f"unknown: no outcome has told yet what {escape(', '.join(unknown))} costs.")


def _print_policy(console: Console, policy: PolicyReport) -> None:
    name = f"[bold]{escape(policy.policy)}, {policy.tier}[/bold]"
    if policy.why:
        console.print(f"\n{name}: [{STYLE[policy.verdict]}]{policy.verdict}[/]: {escape(policy.why)}")
    if policy.drift.changed:
        console.print(f"  drift: {escape(policy.drift.text)}")
    if not policy.pairs:
        return
    count = policy.disagreements.count
    counted = f"{whole(count)} disagreement{'' if count == 1 else 's'}"
    console.print(f"{'' if policy.why else chr(10) + name + ': '}{counted}")
    width = max(len(whole(pair.count)) for pair in policy.pairs)
    for pair in policy.pairs[:MOST_PAIRS]:
        console.print(f"  {whole(pair.count):>{width}}  {pair.active} → {pair.shadow}", markup=False)
    left = len(policy.pairs) - MOST_PAIRS
    if left > 0:
        console.print(f"  and {left} other pairs; --json has all")


def _print_regret(console: Console, regret: RegretReport) -> None:
    against = [
        _against(what, of)
        for what, of in (("shadow", regret.against_best_shadow), ("fixed arm", regret.against_best_arm))
        if of is not None
    ]
    if against:
        console.print(f"\n[bold]regret in {regret.tier}[/bold]: {escape('; '.join(against))}")
    for arm in regret.arms:
        if arm.underperforms:
            console.print(f"  {arm.arm} underperforms: it {arm.why}", markup=False)


def _against(what: str, regret: Regret) -> str:
    low, high = bounds(regret.delta)
    told = "unknown" if regret.delta.estimate is None else signed(regret.delta.estimate)
    interval = "" if low is None or high is None else f" ({span(low, high)})"
    return f"{told}{interval} against the best {what}, {regret.best}"


def _in_lines(estimate: ReportedEstimate, say: Callable[[float], str]) -> str:
    if estimate.estimate is None:
        return "–"
    low, high = bounds(estimate)
    told = say(estimate.estimate)
    return told if low is None or high is None else f"{told}\n{say(low)} to {say(high)}"


def _cost(policy: PolicyReport, interval: bool) -> str:
    if policy.cost_delta.estimate is not None and interval:
        return _in_lines(policy.cost_delta, per_thousand)
    if policy.cost_delta_usd is None:
        return "unknown" if policy.cost_unknown else "–"
    return per_thousand(policy.cost_delta_usd)
