"""``pointsman doctor``: what is wrong, and what to do about it."""

from __future__ import annotations

import argparse
import asyncio
import logging
from typing import TYPE_CHECKING

from services.cli.errors import CommandFailed
from services.cli.target import Target, add_target_options, find_target

if TYPE_CHECKING:
    from services.cli.findings import Finding
    from services.cli.options import Subparsers


def add_doctor(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "doctor",
        help="check everything, and say what to do about what is wrong",
        description="Checks this machine, the configuration, NATS, the store and the services. Exits 1 if anything is "
        "wrong.",
    )
    add_target_options(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from services.cli.check_machine import check_configuration, check_programs, check_python  # noqa: PLC0415

    logging.getLogger("pointsman").addHandler(logging.NullHandler())  # what the libraries log is said here, better
    findings = [check_python()]
    configuration = check_configuration(options)
    target = None
    try:
        target = find_target(options)
    except CommandFailed as failure:
        if configuration.ok:
            raise
        findings += [*check_programs(None, running=False), configuration]
        _print(findings, f"not looked at the services: {failure}".split("\n", maxsplit=1)[0])
    if target is not None:
        findings += [*check_programs(options, running=target.stack is not None), configuration]
        findings += asyncio.run(_check_running(target))
        _print(findings, f"looked at {target.origin}")
    return 0 if all(finding.ok for finding in findings) else 1


async def _check_running(target: Target) -> list[Finding]:
    from services.cli.check_services import check_gateway, check_nats, check_store  # noqa: PLC0415  # slow to import

    groups = await asyncio.gather(check_nats(target), check_store(target), check_gateway(target))
    return [finding for group in groups for finding in group]


def _print(findings: list[Finding], looked_at: str) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(highlight=False, soft_wrap=True)
    console.print(looked_at, markup=False)
    width = max(len(finding.subject) for finding in findings)
    for finding in findings:
        word, style = ("ok   ", "green") if finding.ok else ("WRONG", "bold red")
        console.print(Text.assemble("  ", (word, style), f"  {finding.subject:<{width}}  {finding.detail}"))
        if finding.remedy:
            console.print(Text(f"         {'':<{width}}  → {finding.remedy}"))
    wrong = sum(not finding.ok for finding in findings)
    console.print(f"{wrong} of {len(findings)} checks found something wrong" if wrong else "nothing is wrong")
