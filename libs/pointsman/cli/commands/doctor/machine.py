"""Checks of the Python version, the server programs and the configuration."""

import argparse
import platform
import sys
from collections.abc import Callable
from pathlib import Path

from pointsman.cli.commands.doctor.finding import Finding
from pointsman.cli.options import config_file
from pointsman.cli.stack.errors import ProgramMissing
from pointsman.cli.stack.server_programs import find_nats_server, find_store_server
from pointsman.contracts.config import ConfigError, load_config

_MIN_PYTHON = (3, 11)


def check_python() -> Finding:
    """Check the version of the interpreter."""
    detail = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info < _MIN_PYTHON:
        return Finding("Python", False, detail, "run Pointsman with Python 3.11 or newer")
    return Finding("Python", True, detail)


def check_programs(options: argparse.Namespace | None, *, running: bool) -> list[Finding]:
    """Check that ``pointsman up`` would find its servers.

    A missing program is a failure only where an embedded stack runs or the configuration names it.
    """
    file = None if options is None else config_file(options)
    try:
        config = None if file is None else load_config(file)
    except ConfigError:
        config = None  # `check_configuration` reports what is wrong
    nats = config.nats.server if config else None
    store = config.redis.server if config else None
    return [
        _check_program("nats-server", find_nats_server, nats, running or nats is not None),
        _check_program("valkey-server", find_store_server, store, running or store is not None),
    ]


def _check_program(subject: str, find: Callable[[str | None], Path], named: str | None, needed: bool) -> Finding:
    try:
        return Finding(subject, True, str(find(named)))
    except ProgramMissing as error:
        detail, _, remedy = str(error).partition(": ")
        if needed:
            return Finding(subject, False, detail, remedy)
        return Finding(subject, True, "not installed; only `pointsman up` needs it")


def check_configuration(options: argparse.Namespace) -> Finding:
    """Check the configuration; report all its problems."""
    file = config_file(options)
    if file is None:
        return Finding("configuration", True, "no pointsman.toml here, and none is named with --config")
    try:
        config = load_config(file)
    except ConfigError as error:
        return Finding("configuration", False, f"{file}: {'; '.join(error.problems)}", "correct it, then restart")
    tiers = f"{len(config.tier)} tier{'s' if len(config.tier) != 1 else ''}"
    return Finding("configuration", True, f"{file}: {tiers}, {len(config.shadow)} in shadow")
