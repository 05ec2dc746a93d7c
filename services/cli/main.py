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
from services.cli.errors import CommandFailed

COMMANDS = {
    "init": ("services.cli.init.command", "add_init"),
    "up": ("services.cli.up", "add_up"),
    "demo": ("services.cli.demo.command", "add_demo"),
    "mock-provider": ("services.cli.mock_provider.command", "add_mock_provider"),
    "replay": ("services.cli.replay.command", "add_replay"),
    "compare": ("services.cli.compare", "add_compare"),
    "policies": ("services.cli.policies", "add_policies"),
    "promote": ("services.cli.promotion", "add_promote"),
    "revert": ("services.cli.promotion", "add_revert"),
    "tail": ("services.cli.tail", "add_tail"),
    "audit": ("services.cli.ledger", "add_audit"),
    "rebuild": ("services.cli.ledger", "add_rebuild"),
    "doctor": ("services.cli.doctor", "add_doctor"),
    "keys": ("services.cli.keys", "add_keys"),
    "features": ("services.cli.features", "add_features"),
    "config": ("services.cli.config_check", "add_config"),
    "credentials": ("services.cli.credentials", "add_credentials"),
    "probe": ("services.cli.probe", "add_probe"),
    "gateway": ("services.cli.roles", "add_gateway"),
    "decision": ("services.cli.roles", "add_decision"),
    "shadow-evaluator": ("services.cli.roles", "add_shadow_evaluator"),
    "reward-updater": ("services.cli.roles", "add_reward_updater"),
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
