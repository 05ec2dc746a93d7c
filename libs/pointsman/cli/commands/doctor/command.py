"""The command ``pointsman doctor``: run all checks and print what they found."""

import argparse
import asyncio
import logging
import sys
import textwrap

from rich.text import Text

from pointsman.cli.commands.doctor.checks import check_running
from pointsman.cli.commands.doctor.finding import Finding
from pointsman.cli.commands.doctor.machine import check_configuration, check_programs, check_python
from pointsman.cli.commands.doctor.providers import check_providers
from pointsman.cli.console import PrintableConsole
from pointsman.cli.errors import CommandFailed
from pointsman.cli.options import config_file, read_config
from pointsman.cli.target import add_target_options, find_target
from pointsman.core.printable import one_line


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = (
        "Checks this machine, the configuration, NATS, the store, the services, and the providers of the "
        "configuration: each arm gets one tiny request. API keys are read from the environment of this command. Exits "
        "with 1 if a check fails. A provider that does not work is a failure where the configuration has a "
        "[[provider]] or [llm], and a warning where arms are only names."
    )
    add_target_options(parser)
    parser.add_argument("--no-calls", action="store_true", help="send nothing to providers: check only their settings")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    logging.getLogger("pointsman").addHandler(logging.NullHandler())  # the findings report what the libraries would log
    findings = [check_python()]
    configuration = check_configuration(options)
    try:
        target = find_target(options)
    except CommandFailed as failure:
        if configuration.ok:
            raise
        findings += [*check_programs(None, running=False), configuration]
        _print(findings, f"the services were not checked: {failure}".split("\n", maxsplit=1)[0])
    else:
        findings += [*check_programs(options, running=target.stack is not None), configuration]
        findings += asyncio.run(check_running(target))
        if configuration.ok and config_file(options) is not None:
            findings += asyncio.run(check_providers(read_config(options), calls=not options.no_calls))
        _print(findings, f"checked {target.origin}")
    return 1 if any(finding.wrong for finding in findings) else 0


def _print(findings: list[Finding], title: str) -> None:
    console = PrintableConsole(highlight=False, soft_wrap=True)
    console.print(title, markup=False)
    width = max(len(finding.subject) for finding in findings)
    indent = " " * (2 + 5 + 2 + width + 2)
    # A program that reads the output finds a line for each finding; a person finds columns.
    columns = max(console.width, len(indent) + 40) if console.is_terminal else sys.maxsize
    for finding in findings:
        word, style = ("ok   ", "green") if finding.ok else _FAILED[finding.serious]
        detail = _wrapped(one_line(finding.detail), indent, columns)
        console.print(Text.assemble("  ", (word, style), f"  {finding.subject:<{width}}  {detail}"))
        if finding.remedy:
            console.print(Text(f"{indent}→ {_wrapped(one_line(finding.remedy), indent + '  ', columns)}"))
    wrong = sum(finding.wrong for finding in findings)
    warnings = sum(not finding.ok and not finding.serious for finding in findings)
    result = f"{wrong} of {len(findings)} checks failed" if wrong else "no check failed"
    console.print(result + (f"; {warnings} warning{'s' if warnings != 1 else ''}" if warnings else ""))


def _wrapped(text: str, indent: str, columns: int) -> str:
    """Return the text with the lines after the first indented; the first begins after as many characters."""
    lines = textwrap.wrap(text, columns - len(indent), break_long_words=False, break_on_hyphens=False)
    return f"\n{indent}".join(lines)


_FAILED = {True: ("WRONG", "bold red"), False: ("warn ", "yellow")}
"""Word and style of a failed check, by whether it is serious."""
