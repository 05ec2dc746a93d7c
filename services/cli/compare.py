"""``pointsman compare``: what each shadow policy would have done differently."""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import msgspec

from services.cli.errors import CommandFailed
from services.cli.http import GatewayClient, GatewayUnreachable, Reply
from services.cli.target import Target, add_target_options, find_target

if TYPE_CHECKING:
    from rich.console import Console

    from pointsman.state.shadow_report import PolicyReport, Report
    from services.cli.options import Subparsers

_MOST_PAIRS = 10


def add_compare(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "compare",
        help="what each shadow policy would have done differently",
        description="Prints, for each shadow policy and tier: how many decisions it was tried on, how often it agreed "
        "with what was served, what it would have cost, and where it differed.",
    )
    parser.add_argument("--days", metavar="N", type=int, default=7, help="how far to look back (default: 7)")
    parser.add_argument("--tier", metavar="T", help="this tier only")
    parser.add_argument("--policy", metavar="P", help="this shadow policy only")
    parser.add_argument("--json", action="store_true", help="print the gateway's report as it is")
    add_target_options(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    if options.days < 1:
        raise CommandFailed(f"--days: expected at least 1, got {options.days}", code=2)
    query = {"window": f"{options.days}d", "tier": options.tier, "policy": options.policy}
    path = "/v1/shadow/report?" + urlencode({name: value for name, value in query.items() if value is not None})
    target = find_target(options)
    try:
        reply = asyncio.run(_get(target, path))
    except ValueError as error:
        raise CommandFailed(f"--url or --api-key: {error}", code=2) from error
    except GatewayUnreachable as error:
        raise CommandFailed(
            f"the gateway does not answer at {target.gateway_url} ({target.origin}): {error}"
        ) from error
    if not reply.ok:
        raise CommandFailed(f"the gateway refused: {reply.problem()}")
    if options.json:
        sys.stdout.write(msgspec.json.format(reply.body, indent=2).decode() + "\n")
        return 0
    _print(_report(reply), options.days)
    return 0


async def _get(target: Target, path: str) -> Reply:
    async with GatewayClient(target.gateway_url, api_key=target.api_key) as gateway:
        return await gateway.get(path)


def _report(reply: Reply) -> Report:
    from pointsman.state.shadow_report import Report  # noqa: PLC0415  # not needed for --json

    try:
        return msgspec.json.decode(reply.body, type=Report)
    except msgspec.MsgspecError as error:
        raise CommandFailed(f"the gateway's report cannot be read: {error}") from error


def _print(report: Report, days: int) -> None:
    from rich.console import Console  # noqa: PLC0415  # nothing else of the command needs it

    console = Console(highlight=False, soft_wrap=True)
    period = "the last day" if days == 1 else f"the last {days} days"
    if not report.policies:
        console.print("No shadow policy runs. Add one to the configuration as \\[\\[shadow]], and restart.")
        return
    policies = sorted(report.policies, key=lambda p: (p.policy, p.tier))
    seen = [policy for policy in policies if policy.decisions or policy.errors]
    if not seen:
        names = " or ".join(sorted({policy.policy for policy in policies}))
        console.print(f"Nothing to compare yet: in {period} no decision was tried on {names}.")
        return
    _print_table(console, policies, period)
    for policy in seen:
        _print_pairs(console, policy)


def _print_table(console: Console, policies: list[PolicyReport], period: str) -> None:
    from rich.table import Table  # noqa: PLC0415

    table = Table(title=f"Shadow policies, {period}", title_justify="left", title_style="bold")
    table.add_column("policy")
    table.add_column("tier")
    for name in ("decisions", "agreement", "cost difference per request"):
        table.add_column(name, justify="right")
    with_errors = any(policy.errors for policy in policies)
    if with_errors:
        table.add_column("raised", justify="right")
    for policy in policies:
        cells = [policy.policy, policy.tier, f"{policy.decisions:,}", _agreement(policy), _cost(policy)]
        table.add_row(*cells, *([f"{policy.errors:,}"] if with_errors else []))
    console.print(table)
    if any(policy.cost_delta_usd for policy in policies):
        console.print(
            "cost difference: expected, at each arm's mean cost on the requests it was sent; where those were the "
            "requests it is cheap on,\nit looks cheaper than it would be."
        )
    unknown = sorted({arm for policy in policies for arm in policy.cost_unknown})
    if unknown:
        console.print(f"unknown: no outcome has told yet what {', '.join(unknown)} costs.")


def _agreement(policy: PolicyReport) -> str:
    return "–" if policy.agreement is None else f"{policy.agreement:.1%}"


def _cost(policy: PolicyReport) -> str:
    if policy.cost_delta_usd is None:
        return "unknown" if policy.cost_unknown else "–"
    sign = "−" if policy.cost_delta_usd < 0 else "+"
    return f"{sign}${abs(policy.cost_delta_usd):.6f}"


def _print_pairs(console: Console, policy: PolicyReport) -> None:
    if not policy.pairs:
        return
    console.print(f"\n[bold]{policy.policy}, {policy.tier}[/bold]: {policy.disagreements.count:,} disagreements")
    width = max(len(f"{pair.count:,}") for pair in policy.pairs)
    for pair in policy.pairs[:_MOST_PAIRS]:
        console.print(f"  {pair.count:>{width},}  {pair.active} → {pair.shadow}", markup=False)
    left = len(policy.pairs) - _MOST_PAIRS
    if left > 0:
        console.print(f"  and {left} other pairs; --json has all")
