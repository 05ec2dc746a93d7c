"""What the commands share: the type of the thing they add themselves to, ``--config`` and ``--api-key``."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from pointsman.cli.errors import CommandFailed

if TYPE_CHECKING:
    from pointsman.contracts.config import Config

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
"""What a command adds itself to."""


def add_config_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--config``."""
    parser.add_argument(
        "--config",
        metavar="F",
        type=Path,
        help="the configuration file (default: $POINTSMAN_CONFIG, or ./pointsman.toml)",
    )


def add_key_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--api-key``."""
    parser.add_argument(
        "--api-key",
        metavar="KEY",
        default=os.environ.get("POINTSMAN_API_KEY"),
        help="for a gateway that wants one (default: $POINTSMAN_API_KEY, which others on this machine cannot see)",
    )


def config_file(options: argparse.Namespace) -> Path | None:
    """Return the file that is in force; None when there is none."""
    from pointsman.contracts.config import DEFAULT_FILE  # noqa: PLC0415

    named = options.config or os.environ.get("POINTSMAN_CONFIG")
    if named:
        return Path(named)
    return Path(DEFAULT_FILE) if Path(DEFAULT_FILE).exists() else None


def read_config(options: argparse.Namespace) -> Config:
    """Return the configuration in force.

    Raises
    ------
    CommandFailed
        With every problem, and exit code 2.
    """
    from pointsman.contracts.config import DEFAULT_FILE, ConfigError, load_config  # noqa: PLC0415

    file = config_file(options)
    if file is None:
        raise CommandFailed(f"there is no {DEFAULT_FILE} here; name a configuration with --config", code=2)
    try:
        return load_config(file)
    except ConfigError as error:
        raise CommandFailed(
            "\n  ".join([f"the configuration {file} cannot be used:", *error.problems]), code=2
        ) from error
