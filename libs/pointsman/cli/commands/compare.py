"""``pointsman compare``: what each shadow policy would have done differently."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import msgspec

from pointsman.cli.errors import CommandFailed
from pointsman.cli.http import GatewayClient, GatewayUnreachable, Reply
from pointsman.cli.target import Target, add_target_options, find_target

if TYPE_CHECKING:
    from pointsman.cli.options import Subparsers
    from pointsman.shadow.report import Report


def add_compare(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "compare",
        help="what each shadow policy would have done differently",
        description="Prints, for each shadow policy and tier, what it would have earned and cost compared with the "
        "policy that served, how sure that is, and what to do about it.",
    )
    parser.add_argument("--days", metavar="N", type=int, default=7, help="how far to look back (default: 7)")
    parser.add_argument("--tier", metavar="T", help="this tier only")
    parser.add_argument("--policy", metavar="P", help="this shadow policy only")
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print the gateway's report as it is")
    output.add_argument("--html", metavar="FILE", type=Path, help="write it as a page with plots to this file")
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
    elif options.html:
        _write_page(_report(reply), options.html)
    else:
        _print(_report(reply), "the last day" if options.days == 1 else f"the last {options.days} days")
    return 0


async def _get(target: Target, path: str) -> Reply:
    async with GatewayClient(target.gateway_url, api_key=target.api_key) as gateway:
        return await gateway.get(path)


def _report(reply: Reply) -> Report:
    from pointsman.shadow.report import Report  # noqa: PLC0415  # not needed for --json

    try:
        return msgspec.json.decode(reply.body, type=Report)
    except msgspec.MsgspecError as error:
        raise CommandFailed(f"the gateway's report cannot be read: {error}") from error


def _write_page(report: Report, file: Path) -> None:
    from pointsman.shadow.report import render_page  # noqa: PLC0415

    try:
        file.write_text(render_page(report), encoding="utf-8")
    except OSError as error:
        raise CommandFailed(f"--html {file}: {error.strerror or error}") from error
    sys.stdout.write(f"{file}\n")


def _print(report: Report, period: str) -> None:
    from rich.console import Console  # noqa: PLC0415  # nothing else of the command needs it

    from pointsman.shadow.rendering.terminal import print_report  # noqa: PLC0415

    print_report(Console(highlight=False, soft_wrap=True), report, period)
