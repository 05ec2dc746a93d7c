"""The command ``pointsman compare``: the shadow report as a table, a page or JSON."""

import argparse
import sys
from pathlib import Path
from urllib.parse import urlencode

import msgspec

from pointsman.cli.console import PrintableConsole
from pointsman.cli.errors import CommandFailed
from pointsman.cli.gateway import call_gateway, print_json
from pointsman.cli.target import add_target_options, find_target
from pointsman.shadow.rendering.page import render_page
from pointsman.shadow.rendering.terminal import print_report
from pointsman.shadow.report.messages import Report


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = (
        "Prints, for each shadow policy and tier, what it would have earned and cost compared with the active policy, "
        "the confidence of that estimate, and a recommendation."
    )
    parser.add_argument("--days", metavar="N", type=int, default=7, help="days to look back (default: 7)")
    parser.add_argument("--tier", metavar="T", help="this tier only")
    parser.add_argument("--policy", metavar="P", help="this shadow policy only")
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print the gateway's report as it is")
    output.add_argument("--html", metavar="FILE", type=Path, help="write the report as a page with plots to this file")
    add_target_options(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    if options.days < 1:
        raise CommandFailed(f"--days: expected at least 1, got {options.days}", code=2)
    query = {"window": f"{options.days}d", "tier": options.tier, "policy": options.policy}
    path = "/v1/shadow/report?" + urlencode({name: value for name, value in query.items() if value is not None})
    body = call_gateway(find_target(options), path).body
    if options.json:
        print_json(body)
        return 0
    try:
        report = msgspec.json.decode(body, type=Report)
    except msgspec.MsgspecError as error:
        raise CommandFailed(f"the gateway's report cannot be read: {error}") from error
    if options.html:
        _write_page(report, options.html)
    else:
        period = "the last day" if options.days == 1 else f"the last {options.days} days"
        print_report(PrintableConsole(highlight=False, soft_wrap=True), report, period)
    return 0


def _write_page(report: Report, file: Path) -> None:
    try:
        file.write_text(render_page(report), encoding="utf-8")
    except OSError as error:
        raise CommandFailed(f"--html {file}: {error.strerror or error}") from error
    sys.stdout.write(f"{file}\n")
