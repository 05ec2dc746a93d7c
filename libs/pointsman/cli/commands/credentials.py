"""``pointsman credentials``: who may do what on a NATS and a store of one's own, as files for containers."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from pointsman.cli.errors import CommandFailed

if TYPE_CHECKING:
    from pointsman.cli.options import Subparsers

_ADDRESS = re.compile(r"[A-Za-z0-9.\-]+:\d{1,5}|\[[0-9a-fA-F:]+\]:\d{1,5}")


def add_credentials(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "credentials",
        help="make the users of NATS and the store, and a password for each",
        description="Writes into DIR a password for each service, the users of NATS (DIR/nats/users.conf, to be "
        "included by its configuration) and of the store (DIR/redis/users.acl, its aclfile). Passwords that are there "
        "stay as they are, so it can be run before every start. `pointsman up` needs none of this: it has its own.",
    )
    parser.add_argument("folder", metavar="DIR", type=Path, help="where the files go; a folder for each service")
    parser.add_argument(
        "--nats-address",
        metavar="HOST:PORT",
        default="127.0.0.1:4222",
        help="NATS, as people reach it: for DIR/nats/observer.url (default: 127.0.0.1:4222)",
    )
    parser.add_argument(
        "--owner", metavar="UID", type=int, help="the user that the services run as; needs the right to give files away"
    )
    parser.add_argument(
        "--renew", action="store_true", help="make all passwords anew; restart NATS, the store and the services then"
    )
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from pointsman.contracts.access.folder import make_folder  # noqa: PLC0415  # slow to import

    if not _ADDRESS.fullmatch(options.nats_address):
        raise CommandFailed(f"--nats-address: expected HOST:PORT, got {options.nats_address!r}", code=2)
    try:
        made = make_folder(options.folder, options.nats_address, owner=options.owner, renew=options.renew)
    except OSError as error:
        raise CommandFailed(f"{error.filename or options.folder}: {error.strerror or error}") from error
    print(f"{len(made.nats)} users for NATS and {len(made.redis)} for the store in {options.folder}")
    return 0
