"""The command ``pointsman keys``: create, list and revoke API keys."""

import argparse
import sys
import time
from pathlib import Path

import msgspec

from pointsman.cli.errors import CommandFailed
from pointsman.cli.options import add_config_option, config_file, read_config
from pointsman.contracts.access.key_file import KeyFileError, add_key, read_keys, remove_keys
from pointsman.contracts.access.keys import SCOPES, StoredKey, key_problems, make_key


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions."""
    parser.description = (
        "Manages the API keys of the gateway. They are stored as hashes in the file that gateway.keys_file names; a "
        "running gateway reads the file again when it changes."
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    create = actions.add_parser(
        "create",
        help="create a key and print it once",
        description="Creates a key, writes its hash to the key file, and prints the key: it cannot be shown again. "
        "Without a key file it prints a section for the configuration instead.",
    )
    create.add_argument("--name", metavar="N", required=True, help="the client or person it is for")
    create.add_argument(
        "--scopes", metavar="S,…", required=True, help="permissions: any of decide, report, read, admin"
    )
    create.add_argument("--rate-limit", metavar="N", type=float, help="requests per second (default: no limit)")
    listed = actions.add_parser("list", help="list the keys", description="Lists the keys without their secrets.")
    revoke = actions.add_parser("revoke", help="revoke a key", description="Removes a key from the key file.")
    revoke.add_argument("key", metavar="ID_OR_NAME", help="its id, or its name where it is unique")
    for action, run in ((create, _create), (listed, _list), (revoke, _revoke)):
        action.add_argument("--file", metavar="F", type=Path, help="the key file (default: gateway.keys_file)")
        add_config_option(action)
        action.set_defaults(run=run)


def _create(options: argparse.Namespace) -> int:
    asked = [scope.strip() for scope in options.scopes.split(",") if scope.strip()]
    scopes = [scope for scope in SCOPES if scope in asked]
    unknown = [scope for scope in asked if scope not in SCOPES]
    if unknown or not scopes:
        raise CommandFailed(f"--scopes: expected one or more of {', '.join(SCOPES)}", code=2)
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    key, stored = make_key(options.name, scopes, options.rate_limit, now)
    problems = key_problems(stored, "key")
    if problems:
        raise CommandFailed("; ".join(problems).replace("key.name", "--name").replace("key.rate", "--rate"), code=2)
    file = _file(options)
    if file is None:
        print(f"{key}\n\nIt is not shown again. For the configuration:\n", file=sys.stderr)
        print("[[api_key]]")
        for name, value in msgspec.to_builtins(stored).items():
            print(f"{name} = {msgspec.json.encode(value).decode()}")
        return 0
    try:
        add_key(file, stored)
    except KeyFileError as error:
        raise CommandFailed(str(error)) from error
    print(
        f"{stored.name}: {', '.join(scopes)}, id {stored.id}, in {file}. The key is not shown again:", file=sys.stderr
    )
    print(key)
    return 0


def _list(options: argparse.Namespace) -> int:
    file = _file(options)
    configured: list[StoredKey] = [] if config_file(options) is None else read_config(options).api_key
    rows = [(key, "configuration") for key in configured]
    if file is not None:
        rows += [(key, str(file)) for key in _read(file)]
    for key, where in rows:
        limit = f"{key.rate_limit_per_s:g}/s" if key.rate_limit_per_s else "no limit"
        made = key.created_at or "–"
        print(f"{key.id}  {key.name:<24}  {','.join(key.scopes):<24}  {limit:<9}  {made:<20}  {where}")
    if not rows:
        print("there is no API key", file=sys.stderr)
    return 0


def _revoke(options: argparse.Namespace) -> int:
    file = _required_file(options)
    named = [key for key in _read(file) if options.key in (key.id, key.name)]
    if not named:
        raise CommandFailed(f"{file} has no key {options.key!r}; `pointsman keys list` shows all")
    if len(named) > 1:
        ids = ", ".join(key.id for key in named)
        raise CommandFailed(f"{len(named)} keys are called {options.key!r}; use an id: {ids}")
    try:
        remove_keys(file, named[0].id)
    except KeyFileError as error:
        raise CommandFailed(str(error)) from error
    print(f"revoked {named[0].id} ({named[0].name}); a running gateway refuses it within 1 s")
    return 0


def _read(file: Path) -> list[StoredKey]:
    try:
        keys, problems = read_keys(file)
    except KeyFileError as error:
        raise CommandFailed(str(error)) from error
    for problem in problems:
        print(f"not a valid key: {problem}", file=sys.stderr)
    return keys


def _file(options: argparse.Namespace) -> Path | None:
    if options.file is not None:
        return Path(options.file)
    named = None if config_file(options) is None else read_config(options).gateway.keys_file
    return Path(named) if named else None


def _required_file(options: argparse.Namespace) -> Path:
    file = _file(options)
    if file is None:
        raise CommandFailed("name the key file with --file, or with gateway.keys_file in the configuration", code=2)
    return file
