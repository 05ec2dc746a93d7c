"""``pointsman promote`` and ``pointsman revert``: switching which policy serves a tier."""

from __future__ import annotations

import argparse
import getpass
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from pointsman.cli.commands.policies import ask_gateway, granted, print_json, tier_path
from pointsman.cli.errors import CommandFailed
from pointsman.cli.target import Target, add_target_options, find_target

if TYPE_CHECKING:
    from pointsman.cli.options import Subparsers

NOT_CONFIRMED = 1
MAX_PERSON = 64


def add_promote(subparsers: Subparsers) -> None:
    """Add ``pointsman promote``."""
    parser = subparsers.add_parser(
        "promote",
        help="make a shadow the active policy of a tier",
        description="Shows what the report says about the shadow, asks, and makes it the policy that serves. The one "
        "that served goes on as a shadow, so that the switch can be judged, and taken back with `pointsman revert`. "
        "Who, when, why and the report's figures are put on record.",
    )
    parser.add_argument("tier", metavar="TIER", help="the tier")
    parser.add_argument("policy", metavar="POLICY", help="the shadow's name")
    _add_options(parser)
    parser.set_defaults(run=_promote)


def add_revert(subparsers: Subparsers) -> None:
    """Add ``pointsman revert``."""
    parser = subparsers.add_parser(
        "revert",
        help="take the last promotion of a tier back",
        description="Puts the policy back that the last promotion replaced. What was promoted goes on as a shadow, and "
        "is not promoted automatically again.",
    )
    parser.add_argument("tier", metavar="TIER", help="the tier")
    _add_options(parser)
    parser.set_defaults(run=_revert)


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--why", metavar="TEXT", default="", help="for the record")
    parser.add_argument("--by", metavar="NAME", default=None, help="for the record: who does it (default: your login)")
    parser.add_argument(
        "--version", metavar="N", type=int, help="only if the tier's policies are still at this version"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--json", action="store_true", help="print the gateway's answer as it is")
    add_target_options(parser)


def _promote(options: argparse.Namespace) -> int:
    target = find_target(options)
    version = options.version
    if not options.yes:
        view = _current(target, options.tier)
        _require_shadow(view, options.policy)
        _require_terminal()
        question = f"Let {options.policy} serve {options.tier} in place of {view['active']['name']}?"
        if not _confirmed(_told(target, options.tier, options.policy), question):
            return NOT_CONFIRMED
        version = view["version"] if version is None else version
    body = {"policy": options.policy, **_record(options, version)}
    return _switch(target, options, "/promote", body, "goes on as a shadow")


def _revert(options: argparse.Namespace) -> int:
    target = find_target(options)
    version = options.version
    if not options.yes:
        view = _current(target, options.tier)
        if view["replaced"] is None:
            raise CommandFailed(f"there is no promotion to take back: {view['active']['name']} was not promoted")
        back, active = view["replaced"]["name"], view["active"]["name"]
        _require_terminal()
        question = f"Let {back} serve {options.tier} again in place of {active}?"
        if not _confirmed(_told(target, options.tier, back), question):
            return NOT_CONFIRMED
        version = view["version"] if version is None else version
    return _switch(target, options, "/revert", _record(options, version), "was taken back")


def _switch(target: Target, options: argparse.Namespace, action: str, body: dict[str, Any], became: str) -> int:
    (reply,) = ask_gateway(target, (tier_path(options.tier, action), body))
    view = granted(reply)
    if options.json:
        print_json(reply)
        return 0
    change = view["change"]
    print(f"{change['policy']} serves {options.tier} from version {view['version']} on; {change['replaced']} {became}.")
    if own := (change.get("evidence") or {}).get("own_rule"):
        print(f"It goes on from what the tier has learned. What it learned by its own rule ({own}) stays behind.")
    if action == "/promote":
        print(f"`pointsman revert {options.tier}` takes it back.")
    return 0


def _record(options: argparse.Namespace, version: int | None) -> dict[str, Any]:
    body = {"why": options.why, "person": _login()[:MAX_PERSON] if options.by is None else options.by}
    return body if version is None else {**body, "version": version}


def _current(target: Target, tier: str) -> dict[str, Any]:
    """Return the tier's policies as they are now."""
    (reply,) = ask_gateway(target, ("/v1/policies", None))
    for view in granted(reply)["policies"]:
        if view["tier"] == tier:
            return dict(view)
    raise CommandFailed(f"no tier {tier!r}", code=2)


def _told(target: Target, tier: str, policy: str) -> str:
    """Return what the report of the last week says about a shadow, or why it says nothing."""
    query = urlencode({"window": "7d", "tier": tier, "policy": policy})
    (reply,) = ask_gateway(target, (f"/v1/shadow/report?{query}", None))
    if not reply.ok:
        return f"The report says nothing about {policy}: {reply.problem()}"
    row = reply.json()["policies"][0]
    return (
        f"{policy}, {row['decisions']:,} decisions of the last 7 days: {row.get('verdict', '–')}. {row.get('why', '')}"
    )


def _require_shadow(view: dict[str, Any], name: str) -> None:
    """Raise `CommandFailed` for what cannot be promoted, before anybody is asked whether to."""
    names = [spec["name"] for spec in view["shadows"]]
    if name not in names:
        if name == view["active"]["name"]:
            raise CommandFailed(f"{name} is what serves {view['tier']} already")
        raise CommandFailed(f"no shadow of {view['tier']} is called {name!r}; there is {', '.join(names) or 'none'}")


def _require_terminal() -> None:
    if not sys.stdin.isatty():
        raise CommandFailed("this changes what serves; say --yes", code=2)


def _confirmed(told: str, question: str) -> bool:
    print(told)
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no such user, as in some containers
        return ""
