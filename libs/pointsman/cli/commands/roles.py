"""One command per service: the same processes that ``pointsman up`` starts, for containers and units of one's own."""

from __future__ import annotations

import argparse
import importlib
import os
from typing import TYPE_CHECKING

from pointsman.cli.options import add_config_option

if TYPE_CHECKING:
    from pointsman.cli.options import Subparsers


def add_gateway(subparsers: Subparsers) -> None:
    """Add ``pointsman gateway``."""
    _add(subparsers, "gateway", "run the HTTP edge")


def add_decision(subparsers: Subparsers) -> None:
    """Add ``pointsman decision``."""
    _add(subparsers, "decision", "run one replica that scores the candidates")


def add_shadow_evaluator(subparsers: Subparsers) -> None:
    """Add ``pointsman shadow-evaluator``."""
    _add(subparsers, "shadow-evaluator", "run what tries shadow policies on the decision log")


def add_reward_updater(subparsers: Subparsers) -> None:
    """Add ``pointsman reward-updater``."""
    _add(subparsers, "reward-updater", "run what learns from outcomes")


def _add(subparsers: Subparsers, command: str, what: str) -> None:
    parser = subparsers.add_parser(
        command,
        help=what,
        description=f"{what[0].upper()}{what[1:]}, until SIGTERM or Ctrl-C. It needs the NATS and the store that the "
        "configuration names; `pointsman up` starts those as well.",
    )
    add_config_option(parser)
    parser.set_defaults(run=_run, module=f"pointsman_{command.replace('-', '_')}.__main__")


def _run(options: argparse.Namespace) -> int:
    if options.config is not None:
        os.environ["POINTSMAN_CONFIG"] = str(options.config)
    return int(importlib.import_module(options.module).main())
