"""``pointsman doctor``: what is wrong, and what to do about it."""

from __future__ import annotations

import argparse
import asyncio
import logging
from typing import TYPE_CHECKING

from pointsman.cli.errors import CommandFailed
from pointsman.cli.options import config_file, read_config
from pointsman.cli.target import Target, add_target_options, find_target

if TYPE_CHECKING:
    from pointsman.cli.commands.findings import Finding
    from pointsman.cli.options import Subparsers


def add_doctor(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "doctor",
        help="check everything, and say what to do about what is wrong",
        description="Checks this machine, the configuration, NATS, the store, the services, and the providers of the "
        "configuration, of which each arm gets one tiny request. Keys are those of the doctor's own environment. Exits "
        "1 if anything is wrong. A provider that does not work is wrong where the configuration has a [[provider]] or "
        "[llm], and a warning where arms are only names.",
    )
    add_target_options(parser)
    parser.add_argument(
        "--no-calls", action="store_true", help="send providers nothing: only look whether they could be asked"
    )
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from pointsman.cli.commands.check_machine import check_configuration, check_programs, check_python  # noqa: PLC0415

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
        if configuration.ok and config_file(options) is not None:
            from pointsman.cli.commands.check_providers import check_providers  # noqa: PLC0415  # slow to import

            findings += asyncio.run(check_providers(read_config(options), calls=not options.no_calls))
        _print(findings, f"looked at {target.origin}")
    return 1 if any(finding.wrong for finding in findings) else 0


async def _check_running(target: Target) -> list[Finding]:
    from pointsman.cli.commands.check_services import check_gateway, check_nats, check_store  # noqa: PLC0415  # slow to import

    groups = await asyncio.gather(check_nats(target), check_store(target), check_gateway(target))
    return [finding for group in groups for finding in group]


def _print(findings: list[Finding], looked_at: str) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(highlight=False, soft_wrap=True)
    console.print(looked_at, markup=False)
    width = max(len(finding.subject) for finding in findings)
    for finding in findings:
        word, style = _WORDS[finding.ok, finding.serious]
        console.print(Text.assemble("  ", (word, style), f"  {finding.subject:<{width}}  {finding.detail}"))
        if finding.remedy:
            console.print(Text(f"         {'':<{width}}  → {finding.remedy}"))
    wrong = sum(finding.wrong for finding in findings)
    warnings = sum(not finding.ok and not finding.serious for finding in findings)
    told = f"{wrong} of {len(findings)} checks found something wrong" if wrong else "nothing is wrong"
    console.print(told + (f"; {warnings} warning{'s' if warnings != 1 else ''}" if warnings else ""))


_WORDS = {
    (True, True): ("ok   ", "green"),
    (True, False): ("ok   ", "green"),
    (False, True): ("WRONG", "bold red"),
    (False, False): ("warn ", "yellow"),
}
"""By whether it is right, and serious."""
