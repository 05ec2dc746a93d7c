"""The entry point: finds the command's module, and imports no other.

A command is a function that adds its parser to the others and names in it, as the default ``run``, what to do: a
function of the parsed options that returns the exit code. Expected failures are raised as `CommandFailed`.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from functools import partial

import pointsman
from pointsman.cli.errors import CommandFailed

COMMANDS = {
    "init": ("pointsman.cli.devtools.init.command", "add_init"),
    "up": ("pointsman.cli.commands.up", "add_up"),
    "demo": ("pointsman.cli.devtools.demo.command", "add_demo"),
    "mock-provider": ("pointsman.cli.devtools.mock_provider.command", "add_mock_provider"),
    "replay": ("pointsman.cli.devtools.replay.command", "add_replay"),
    "compare": ("pointsman.cli.commands.compare", "add_compare"),
    "policies": ("pointsman.cli.commands.policies", "add_policies"),
    "promote": ("pointsman.cli.commands.promotion", "add_promote"),
    "revert": ("pointsman.cli.commands.promotion", "add_revert"),
    "tail": ("pointsman.cli.commands.tail", "add_tail"),
    "audit": ("pointsman.cli.commands.ledger", "add_audit"),
    "rebuild": ("pointsman.cli.commands.ledger", "add_rebuild"),
    "doctor": ("pointsman.cli.commands.doctor", "add_doctor"),
    "keys": ("pointsman.cli.commands.keys", "add_keys"),
    "features": ("pointsman.cli.commands.features", "add_features"),
    "config": ("pointsman.cli.commands.config_check", "add_config"),
    "credentials": ("pointsman.cli.commands.credentials", "add_credentials"),
    "probe": ("pointsman.cli.commands.probe", "add_probe"),
    "gateway": ("pointsman.cli.commands.roles", "add_gateway"),
    "decision": ("pointsman.cli.commands.roles", "add_decision"),
    "shadow-evaluator": ("pointsman.cli.commands.roles", "add_shadow_evaluator"),
    "reward-updater": ("pointsman.cli.commands.roles", "add_reward_updater"),
}
"""Every command: its module, and the function there that adds it."""

_DESCRIPTION = """\
Pointsman decides which model takes each LLM request, learns from what came of it, and proves a new policy beside
the live one before anyone switches."""

_EPILOG = """\
start here:
  pointsman init                   write a configuration for your models
  pointsman up                     NATS, a store and the four services on this machine
  pointsman demo                   the same, with thousands of real prompts routed while you watch
  pointsman doctor                 what is wrong, and what to do about it

Commands that inspect take --data-dir or --url. Without either they find the stack that runs on ./data or ./.demo,
and otherwise use the addresses of the configuration. `pointsman COMMAND --help` says more."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    named = arguments[0] if arguments and arguments[0] in COMMANDS else None
    parser = _parser(COMMANDS if named is None else [named])
    if not arguments:
        parser.print_help()
        return 2
    options = parser.parse_args(arguments)
    try:
        return int(options.run(options))
    except CommandFailed as failure:
        print(f"pointsman {named}: {failure}", file=sys.stderr)
        return failure.code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read the output has gone; without this the interpreter complains when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def _parser(commands: Sequence[str] | dict[str, tuple[str, str]]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pointsman",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=partial(argparse.RawDescriptionHelpFormatter, max_help_position=24, width=118),
    )
    parser.add_argument("--version", action="version", version=f"pointsman {pointsman.__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in commands:
        module, function = COMMANDS[command]
        getattr(importlib.import_module(module), function)(subparsers)
    return parser


if __name__ == "__main__":
    sys.exit(main())
