"""The stack that a command works on: a running embedded stack, a URL, or the addresses of the configuration."""

import argparse
import os
from pathlib import Path
from typing import NamedTuple

from pointsman.cli.errors import CommandFailed
from pointsman.cli.options import add_config_option, add_key_option, config_file, read_config
from pointsman.cli.stack.errors import StackError
from pointsman.cli.stack.logins import operator_logins
from pointsman.cli.stack.ports import url_host
from pointsman.cli.stack.stack_file import StackFile, find_stack
from pointsman.contracts.config import Config
from pointsman.contracts.config.connections import NatsConfig, RedisConfig

DEFAULT_DATA_DIRS = ("data", ".demo")


class Target(NamedTuple):
    """Addresses, and where they come from.

    Attributes
    ----------
    nats, redis: Address and login; the login is that of the operator on an embedded stack.
    stack: The embedded stack that was found.
    origin: Source of the addresses, to be shown: ``the stack on data``.
    api_key: For the gateway.
    data_dir: Directory of the embedded stack.
    """

    gateway_url: str
    nats: NatsConfig
    redis: RedisConfig
    stack: StackFile | None
    origin: str
    api_key: str | None = None
    data_dir: Path | None = None


def add_target_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--data-dir``, ``--url``, ``--api-key`` and ``--config``."""
    parser.add_argument(
        "--data-dir",
        metavar="D",
        type=Path,
        help="use the stack that runs on this directory (default: $POINTSMAN_DATA_DIR, or ./data, or ./.demo)",
    )
    parser.add_argument("--url", metavar="URL", help="use the gateway at this address")
    add_key_option(parser)
    add_config_option(parser)


def find_target(options: argparse.Namespace) -> Target:
    """Return the stack that the options select.

    Raise `CommandFailed` if a data directory was named, and no stack runs on it.
    """
    named = options.data_dir or os.environ.get("POINTSMAN_DATA_DIR")
    if options.url is None:
        for folder in [Path(named)] if named else map(Path, DEFAULT_DATA_DIRS):
            stack = find_stack(folder)
            if stack is not None:
                return _from_stack(stack, folder)._replace(api_key=options.api_key)
        if options.data_dir is not None:
            raise CommandFailed(f"no stack runs on {named}; start one with `pointsman up --data-dir {named}`")
    config = Config() if config_file(options) is None else read_config(options)
    gateway = config.gateway
    url = options.url or f"{gateway.scheme}://{url_host(gateway.host)}:{gateway.port}"
    origin = url if options.url else "the configuration's addresses"
    return Target(url.rstrip("/"), config.nats, config.redis, None, origin, options.api_key)


def _from_stack(stack: StackFile, folder: Path) -> Target:
    if not (stack.gateway and stack.nats and stack.store):
        raise CommandFailed(f"the stack on {folder} is still starting")
    try:
        nats, redis = operator_logins(folder, stack.nats[0].url, stack.store[0].url)
    except StackError as error:
        raise CommandFailed(str(error)) from error
    return Target(stack.gateway[0].url, nats, redis, stack, f"the stack on {folder}", data_dir=folder)
