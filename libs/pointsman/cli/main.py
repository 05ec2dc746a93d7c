"""Entry point of the ``pointsman`` command: parse the command line and run one command.

Only the module of the command that was typed is imported. It has a function that adds the command's options to a
parser and sets the default ``run``: a function of the parsed options that returns the exit code. A command raises
`CommandFailed` for an expected failure.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from functools import partial

import pointsman
from pointsman.cli.errors import CommandFailed
from pointsman.cli.output import printable_output

COMMANDS = {
    "init": ("devtools.init.command:configure", "write a configuration for the LLM gateway"),
    "up": ("commands.up:configure", "start NATS, a store and the four services on this machine"),
    "demo": ("devtools.demo.command:configure", "route 3,609 real prompts through the real stack and watch it learn"),
    "mock-provider": (
        "devtools.mock_provider.command:configure",
        "a provider without a model, for tests without keys",
    ),
    "replay": ("devtools.replay.command:configure", "send a recorded file of picks and updates to a running stack"),
    "import": (
        "commands.import_outcomes.command:configure",
        "learn from results that were measured elsewhere: a warm start",
    ),
    "export": ("commands.export:configure", "write decisions, outcomes, rewards or shadow results to a file"),
    "compare": ("commands.compare:configure", "show what each shadow policy would have done differently"),
    "policies": ("commands.policies:configure", "show active and shadow policies, and who changed them"),
    "promote": ("commands.promotion:configure_promote", "make a shadow policy the active policy of a tier"),
    "revert": ("commands.promotion:configure_revert", "undo the last promotion of a tier"),
    "tail": ("commands.tail:configure", "print decisions, rewards, shadow results … as they are published"),
    "audit": ("commands.audit:configure_audit", "compare the store with the outcome log, byte by byte"),
    "rebuild": ("commands.audit:configure_rebuild", "rebuild the store from the outcome log"),
    "logs": ("commands.logs:configure", "show the streams of NATS, and restore missing ones"),
    "doctor": ("commands.doctor.command:configure", "check everything and suggest repairs"),
    "keys": ("commands.keys:configure", "create, list and revoke API keys of the gateway"),
    "features": ("commands.features:configure", "show the features that the gateway computes from a prompt"),
    "config": ("commands.config_check:configure", "check the configuration"),
    "credentials": ("commands.credentials:configure", "create the users of NATS and the store, with passwords"),
    "probe": ("commands.probe:configure", "exit with 0 when a URL returns 200 (for health checks)"),
    "gateway": ("commands.services:configure_gateway", "run the gateway"),
    "decision": ("commands.services:configure_decision", "run one replica of the decision service"),
    "shadow-evaluator": (
        "commands.services:configure_shadow_evaluator",
        "run the evaluator of shadow policies",
    ),
    "reward-updater": ("commands.services:configure_reward_updater", "run the service that learns from outcomes"),
}
"""The function that adds the options of each command, as ``module:function``, and its line in the help."""

_DESCRIPTION = """\
Pointsman decides which model answers each LLM request, learns from the outcomes, and measures a new policy in shadow
before anyone switches to it."""

_EPILOG = """\
start here:
  pointsman init                   write a configuration for your models
  pointsman up                     start NATS, a store and the four services on this machine
  pointsman demo                   the same, with thousands of real prompts routed while you watch
  pointsman doctor                 check everything and suggest repairs

Commands that read from a running stack accept --data-dir or --url. Without either they use the stack that runs on
./data or ./.demo, or else the addresses of the configuration. `pointsman COMMAND --help` shows all options."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    with printable_output():
        return _run(argv)


def _run(argv: Sequence[str] | None) -> int:
    arguments = list(sys.argv[1:] if argv is None else argv)
    name = arguments[0] if arguments and arguments[0] in COMMANDS else None
    parser = _parser(name)
    if not arguments:
        parser.print_help()
        return 2
    options = parser.parse_args(arguments)
    try:
        return int(options.run(options))
    except CommandFailed as failure:
        print(f"pointsman {name}: {failure}", file=sys.stderr)
        return failure.code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of the output has closed it. Without this the interpreter reports an error when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def _parser(name: str | None) -> argparse.ArgumentParser:
    """Return the parser with the options of one command, or with the list of all commands."""
    parser = argparse.ArgumentParser(
        prog="pointsman",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=partial(argparse.RawDescriptionHelpFormatter, max_help_position=24, width=118),
    )
    parser.add_argument("--version", action="version", version=f"pointsman {pointsman.__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    if name is None:
        for command, (_, summary) in COMMANDS.items():
            subparsers.add_parser(command, help=summary)
    else:
        module, function = COMMANDS[name][0].split(":")
        getattr(importlib.import_module(f"pointsman.cli.{module}"), function)(subparsers.add_parser(name))
    return parser


if __name__ == "__main__":
    sys.exit(main())
