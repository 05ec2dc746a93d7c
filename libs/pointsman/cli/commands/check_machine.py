"""What ``pointsman doctor`` checks before it looks at anything that runs."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Callable
from pathlib import Path

from pointsman.cli.commands.findings import Finding
from pointsman.cli.options import config_file
from pointsman.cli.stack.errors import ProgramMissing
from pointsman.cli.stack.programs import find_nats_server, find_store_server
from pointsman.contracts.config import ConfigError, load_config

_OLDEST = (3, 11)


def check_python() -> Finding:
    """Check the interpreter's version."""
    detail = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info < _OLDEST:
        return Finding("Python", False, detail, "run Pointsman with Python 3.11 or newer")
    return Finding("Python", True, detail)


def check_programs(options: argparse.Namespace | None, *, running: bool) -> list[Finding]:
    """Check that ``pointsman up`` would find its servers.

    Their absence is wrong only where an embedded stack runs or its programs are named: elsewhere nobody needs them.

    Parameters
    ----------
    options : Namespace or None
        None when the configuration cannot be read.
    running : bool
        Whether an embedded stack was found.
    """
    file = None if options is None else config_file(options)
    try:
        config = None if file is None else load_config(file)
    except ConfigError:
        config = None  # `check_configuration` says what is wrong
    named_nats = config.nats.server if config else None
    named_store = config.redis.server if config else None
    return [
        _program("nats-server", find_nats_server, named_nats, running or named_nats is not None),
        _program("valkey-server", find_store_server, named_store, running or named_store is not None),
    ]


def _program(subject: str, find: Callable[[str | None], Path], named: str | None, needed: bool) -> Finding:
    try:
        return Finding(subject, True, str(find(named)))
    except ProgramMissing as error:
        what, _, remedy = str(error).partition(": ")
        if needed:
            return Finding(subject, False, what, remedy)
        return Finding(subject, True, "not installed; only `pointsman up` needs it")


def check_configuration(options: argparse.Namespace) -> Finding:
    """Check the configuration, all problems at once."""
    file = config_file(options)
    if file is None:
        return Finding("configuration", True, "no pointsman.toml here; the defaults' addresses are used")
    try:
        config = load_config(file)
    except ConfigError as error:
        return Finding("configuration", False, f"{file}: {'; '.join(error.problems)}", "correct it, and restart")
    tiers = f"{len(config.tier)} tier{'s' if len(config.tier) != 1 else ''}"
    return Finding("configuration", True, f"{file}: {tiers}, {len(config.shadow)} in shadow")
