"""The report as a table for the terminal."""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pointsman.core.printable import one_line
from pointsman.shadow.report.messages import PolicyReport, Regret, RegretReport, Report, ReportedEstimate
from pointsman.shadow.report.number_format import NumberFormat, interval, per_thousand, percent, points, signed, whole

PRINTED_PAIRS = 10
WIDE = 112
"""Terminal width in columns from which the whole table fits; a narrower terminal shows fewer columns."""
NARROW = 80
"""Width below which only policy, decisions, reward and verdict fit."""
LONGEST_NAME = 20
"""Letters of the name of a policy or tier per line; a longer name is wrapped."""
STYLE = {"promote": "bold green", "do not promote": "bold red", "keep watching": "bold yellow", "cannot tell": "bold"}


def print_report(console: Console, report: Report, period: str) -> None:
    """Print the comparison of every policy, the verdicts with their reasons, the disagreements and the regret.

    ``period`` is the window as text, such as ``the last 7 days``.
    """
    policies = sorted(report.policies, key=lambda p: (p.policy, p.tier))
    seen = [policy for policy in policies if policy.decisions or policy.errors]
    if not policies:
        console.print("No shadow policy runs. Add one to the configuration as \\[\\[shadow]] and restart.")
    elif not seen:
        names = _text(" or ".join(sorted({policy.policy for policy in policies})))
        console.print(f"Nothing to compare yet: no decision was evaluated for {names} in {period}.")
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
        table.add_column("errors", justify="right")
    table.add_column("verdict", no_wrap=True)
    for policy in policies:
        share = "" if policy.rewarded_share is None else f"\n{percent(policy.rewarded_share, 0)}"
        table.add_row(
            f"{_text(policy.policy)}\n{policy.tier}",
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
            f"differences to the active policy per request; below them the always-valid {confidence} interval"
        )
    if any(policy.cost_delta_usd and policy.cost_delta_method == "arm-means" for policy in policies):
        console.print(
            "cost without an interval: expected, at each arm's mean cost on the requests it received; if those were "
            "the requests it is cheap on,\nit looks cheaper than it is."
        )
    unknown = sorted({arm for policy in policies for arm in policy.cost_unknown})
    if unknown:
        console.print(f"unknown: no outcome has reported the cost of {_text(', '.join(unknown))} yet.")


def _print_policy(console: Console, policy: PolicyReport) -> None:
    name = f"[bold]{_text(policy.policy)}, {policy.tier}[/bold]"
    if policy.why:
        console.print(f"\n{name}: [{STYLE[policy.verdict]}]{policy.verdict}[/]: {_text(policy.why)}")
    if policy.drift.changed:
        console.print(f"  drift: {_text(policy.drift.text)}")
    if not policy.pairs:
        return
    count = policy.disagreements.count
    counted = f"{whole(count)} disagreement{'' if count == 1 else 's'}"
    console.print(f"{'' if policy.why else chr(10) + name + ': '}{counted}")
    width = max(len(whole(pair.count)) for pair in policy.pairs)
    for pair in policy.pairs[:PRINTED_PAIRS]:
        console.print(f"  {whole(pair.count):>{width}}  {one_line(f'{pair.active} → {pair.shadow}')}", markup=False)
    left = len(policy.pairs) - PRINTED_PAIRS
    if left > 0:
        console.print(f"  and {left} other pairs; --json has all")


def _print_regret(console: Console, regret: RegretReport) -> None:
    against = [
        _against(alternative, comparison)
        for alternative, comparison in (("shadow", regret.against_best_shadow), ("fixed arm", regret.against_best_arm))
        if comparison is not None
    ]
    if against:
        console.print(f"\n[bold]regret in {regret.tier}[/bold]: {_text('; '.join(against))}")
    if regret.finding:
        console.print(f"{'' if against else chr(10) + f'[bold]{regret.tier}[/bold]: '}{_text(regret.finding)}")
    for arm in regret.arms:
        if arm.underperforms:
            console.print(one_line(f"  {arm.arm} underperforms: it {arm.why}"), markup=False)


def _text(text: str) -> str:
    """Return text of the report as one line without markup."""
    return escape(one_line(text))


def _against(alternative: str, regret: Regret) -> str:
    return f"{points(regret.delta)} against the best {alternative}, {regret.best}"


def _in_lines(estimate: ReportedEstimate, number_format: NumberFormat) -> str:
    if estimate.estimate is None:
        return "–"
    shown = interval(estimate, number_format)
    return f"{number_format(estimate.estimate)}\n{shown}" if shown else number_format(estimate.estimate)


def _cost(policy: PolicyReport, with_interval: bool) -> str:
    if policy.cost_delta.estimate is not None and with_interval:
        return _in_lines(policy.cost_delta, per_thousand)
    if policy.cost_delta_usd is None:
        return "unknown" if policy.cost_unknown else "–"
    return per_thousand(policy.cost_delta_usd)
