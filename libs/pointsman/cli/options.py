"""Options that several commands share, and the configuration they select."""

import argparse
import os
import shlex
import shutil
import sys
from collections.abc import Callable
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


def whole_number(low: int, high: int | None = None) -> Callable[[str], int]:
    """Return the ``type`` of an option whose value is a whole number from ``low`` to ``high``."""
    expected = f"at least {low}" if high is None else f"{low} to {high}"

    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"expected a whole number, {expected}, got {text!r}") from None
        if number < low or (high is not None and number > high):
            raise argparse.ArgumentTypeError(f"expected {expected}, got {text}")
        return number

    return parse


MAX_PORT = 65535
port_number = whole_number(0, MAX_PORT)


def config_file(options: argparse.Namespace) -> Path | None:
    """Return the configuration file in effect; None when there is none."""
    from pointsman.contracts.config import DEFAULT_FILE  # noqa: PLC0415  # see above

    named = options.config or os.environ.get("POINTSMAN_CONFIG")
    if named:
        return Path(named)
    return Path(DEFAULT_FILE) if Path(DEFAULT_FILE).exists() else None


def read_config(options: argparse.Namespace) -> "Config":
    """Return the configuration in effect. Raise `CommandFailed` with every problem, and exit code 2."""
    from pointsman.contracts.config import DEFAULT_FILE, PREFIX, ConfigError, load_config  # noqa: PLC0415  # see above

    file = config_file(options)
    if file is None:
        raise CommandFailed(
            f"there is no {DEFAULT_FILE} here; name a configuration with --config, or write one with `pointsman init`",
            code=2,
        )
    try:
        # Without an option, the loader finds the file itself and names the variable if that is wrong.
        return load_config(options.config)
    except ConfigError as error:
        from_environment = [problem.startswith(PREFIX) for problem in error.problems]
        source = "the environment" if all(from_environment) else f"the configuration {file}"
        if any(from_environment) and not all(from_environment):
            source += ", or the environment,"
        raise CommandFailed("\n  ".join([f"{source} is invalid:", *error.problems]), code=2) from error


def command_name() -> str:
    """Return ``pointsman`` where the shell finds it by that name, else the path it was started by: for hints."""
    typed = Path(sys.argv[0])
    if typed.name != "pointsman" or shutil.which("pointsman") == str(typed):
        return "pointsman"
    return shlex.quote(str(typed))
