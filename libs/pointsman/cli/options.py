"""Options that several commands share, and the configuration they select."""

import argparse
import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pointsman.cli.errors import CommandFailed

# The configuration loads numpy, which must not happen before a service has limited its threads (runtime/service.py).
if TYPE_CHECKING:
    from pointsman.contracts.config import Config


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
        help="for a gateway that requires one (default: $POINTSMAN_API_KEY, which other users cannot see)",
    )


def config_file(options: argparse.Namespace) -> Path | None:
    """Return the configuration file in effect; None when there is none."""
    from pointsman.contracts.config import DEFAULT_FILE  # noqa: PLC0415  # see above

    named = options.config or os.environ.get("POINTSMAN_CONFIG")
    if named:
        return Path(named)
    return Path(DEFAULT_FILE) if Path(DEFAULT_FILE).exists() else None


def read_config(options: argparse.Namespace) -> "Config":
    """Return the configuration in effect. Raise `CommandFailed` with every problem, and exit code 2."""
    from pointsman.contracts.config import DEFAULT_FILE, ConfigError, load_config  # noqa: PLC0415  # see above

    file = config_file(options)
    if file is None:
        raise CommandFailed(f"there is no {DEFAULT_FILE} here; name a configuration with --config", code=2)
    try:
        return load_config(file)
    except ConfigError as error:
        raise CommandFailed("\n  ".join([f"the configuration {file} is invalid:", *error.problems]), code=2) from error


def command_name() -> str:
    """Return ``pointsman`` where the shell finds it by that name, else the path it was started by: for hints."""
    typed = Path(sys.argv[0])
    if typed.name != "pointsman" or shutil.which("pointsman") == str(typed):
        return "pointsman"
    return shlex.quote(str(typed))
