"""The command ``pointsman credentials``: users and passwords of NATS and the store, as files for containers."""

import argparse
import re
from pathlib import Path

from pointsman.cli.errors import CommandFailed
from pointsman.cli.options import MAX_PORT, whole_number
from pointsman.contracts.access.folder import make_folder

MAX_UID = 2**32 - 2
_ADDRESS = re.compile(r"[A-Za-z0-9.\-]+:\d{1,5}|\[[0-9a-fA-F:]+\]:\d{1,5}")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = (
        "Writes into DIR a password for each service, the users of NATS (DIR/nats/users.conf, to be included by its "
        "configuration) and of the store (DIR/redis/users.acl, its aclfile). Existing passwords are kept, so it may "
        "run before every start. `pointsman up` does not need it: it creates its own."
    )
    parser.add_argument("folder", metavar="DIR", type=Path, help="where the files go; a folder for each service")
    parser.add_argument(
        "--nats-address",
        metavar="HOST:PORT",
        default="127.0.0.1:4222",
        help="address of NATS for people: for DIR/nats/observer.url (default: 127.0.0.1:4222)",
    )
    parser.add_argument(
        "--owner",
        metavar="UID",
        type=whole_number(0, MAX_UID),
        help="the user that runs the services; needs permission to change owners",
    )
    parser.add_argument(
        "--renew", action="store_true", help="replace all passwords; restart NATS, the store and the services then"
    )
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    if not _ADDRESS.fullmatch(options.nats_address) or int(options.nats_address.rpartition(":")[2]) > MAX_PORT:
        raise CommandFailed(f"--nats-address: expected HOST:PORT, got {options.nats_address!r}", code=2)
    try:
        made = make_folder(options.folder, options.nats_address, owner=options.owner, renew=options.renew)
    except OSError as error:
        raise CommandFailed(f"{error.filename or options.folder}: {error.strerror or error}") from error
    print(f"{len(made.nats)} users for NATS and {len(made.redis)} for the store in {options.folder}")
    return 0
