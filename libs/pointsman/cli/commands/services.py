"""The commands that run one service each: the processes that ``pointsman up`` starts, for containers and units."""

import argparse
import importlib
import os

from pointsman.cli.options import add_config_option


def configure_gateway(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``pointsman gateway``."""
    _configure(parser, "pointsman_gateway", "Runs the gateway, which serves the HTTP API and the dashboard")


def configure_decision(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``pointsman decision``."""
    _configure(parser, "pointsman_decision", "Runs one replica of the decision service, which scores the candidates")


def configure_shadow_evaluator(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``pointsman shadow-evaluator``."""
    _configure(parser, "pointsman_shadow_evaluator", "Runs the service that evaluates shadow policies")


def configure_reward_updater(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``pointsman reward-updater``."""
    _configure(parser, "pointsman_reward_updater", "Runs the service that learns from outcomes")


def _configure(parser: argparse.ArgumentParser, package: str, what: str) -> None:
    parser.description = (
        f"{what}, until SIGTERM or Ctrl-C. It needs the NATS and the store that the configuration names; "
        "`pointsman up` starts those as well."
    )
    add_config_option(parser)
    parser.set_defaults(run=_run, module=f"{package}.__main__")


def _run(options: argparse.Namespace) -> int:
    if options.config is not None:
        os.environ["POINTSMAN_CONFIG"] = str(options.config)
    return int(importlib.import_module(options.module).main())
