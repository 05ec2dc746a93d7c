"""The commands ``pointsman promote`` and ``pointsman revert``: switch the active policy of a tier."""

import argparse
import getpass
import sys
from collections.abc import Collection
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from pointsman.cli.commands.policies import policies_path, print_warnings, read_policies
from pointsman.cli.errors import CommandFailed
from pointsman.cli.gateway import call_gateway, print_json
from pointsman.cli.options import whole_number
from pointsman.cli.target import Target, add_target_options, find_target
from pointsman.core.printable import one_line

NOT_CONFIRMED = 1
MAX_PERSON_CHARS = 64
NEED_FORCE = ("cannot tell", "do not promote")
"""Verdicts against which the gateway promotes nothing without ``force``."""


def configure_promote(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``pointsman promote``."""
    parser.description = (
        "Shows the shadow report of the policy, asks for confirmation, and makes the policy active. The policy that "
        "was active continues as a shadow, so that the switch can be judged and undone with `pointsman revert`. A "
        "policy that explores less than the tier's evidence floor gets that exploration. Person, time, reason and the "
        "figures of the report are recorded."
    )
    parser.add_argument("tier", metavar="TIER", help="the tier")
    parser.add_argument("policy", metavar="POLICY", help="the name of the shadow policy")
    parser.add_argument("--no-floor", action="store_true", help="leave the policy's exploration as it is, even 0")
    parser.add_argument(
        "--force",
        action="store_true",
        help="promote it although the verdict of the report is 'cannot tell' or 'do not promote', or although it would "
        "not explore",
    )
    _add_options(parser)
    parser.set_defaults(run=_promote)


def configure_revert(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``pointsman revert``."""
    parser.description = (
        "Makes the policy active again that the last promotion replaced. The promoted policy continues as a shadow and "
        "is not promoted automatically again."
    )
    parser.add_argument("tier", metavar="TIER", help="the tier")
    _add_options(parser)
    parser.set_defaults(run=_revert)


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--why", metavar="TEXT", default="", help="reason, for the record")
    parser.add_argument("--by", metavar="NAME", default=None, help="person, for the record (default: your login)")
    parser.add_argument(
        "--version", metavar="N", type=whole_number(0), help="only if this is the current version of the policies"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    parser.add_argument("--json", action="store_true", help="print the gateway's response as it is")
    add_target_options(parser)


def _promote(options: argparse.Namespace) -> int:
    target = find_target(options)
    version = options.version
    (view,) = read_policies(target, options.tier)
    _require_shadow(view, options.policy)
    if not options.yes:
        question = f"Make {options.policy} the active policy of {options.tier} in place of {view['active']['name']}?"
        if not _confirm(target, options.tier, options.policy, question, refused=() if options.force else NEED_FORCE):
            return NOT_CONFIRMED
        version = view["version"] if version is None else version
    body = {"policy": options.policy, **_record(options, version)}
    body |= ({"keep_floor": False} if options.no_floor else {}) | ({"force": True} if options.force else {})
    shadow = next(spec for spec in view["shadows"] if spec["name"] == options.policy)
    return _switch(target, options, "/promote", body, "continues as a shadow", _epsilon(shadow))


def _revert(options: argparse.Namespace) -> int:
    target = find_target(options)
    version = options.version
    if not options.yes:
        (view,) = read_policies(target, options.tier)
        active = view["active"]["name"]
        if view["replaced"] is None:
            raise CommandFailed(one_line(f"there is no promotion to revert: {active} was not promoted"))
        before = view["replaced"]["name"]
        question = f"Make {before} the active policy of {options.tier} again in place of {active}?"
        if not _confirm(target, options.tier, before, question):
            return NOT_CONFIRMED
        version = view["version"] if version is None else version
    return _switch(target, options, "/revert", _record(options, version), "was reverted")


def _epsilon(spec: dict[str, Any]) -> float | None:
    """Return a policy's parameter epsilon; None where the algorithm's default applies."""
    epsilon: float | None = (spec.get("parameters") or {}).get("epsilon")
    return epsilon


def _switch(
    target: Target,
    options: argparse.Namespace,
    action: str,
    body: dict[str, Any],
    became: str,
    epsilon_before: float | None = None,
) -> int:
    response = call_gateway(target, policies_path(options.tier, action), body, check=False)
    if not response.ok:
        problem = response.problem()
        hint = " (on the command line: --force)" if problem.startswith(f"{HTTPStatus.CONFLICT:d} force: ") else ""
        raise CommandFailed(f"the gateway refused the request: {problem}{hint}")
    if options.json:
        print_json(response.body)
        return 0
    view = response.json()
    change = view["change"]
    served = f"{change['policy']} serves {options.tier} from version {view['version']} on"
    print(one_line(f"{served}; {change['replaced']} {became}."))
    if own := (change.get("evidence") or {}).get("own_rule"):
        not_used = f"What it learned by its own rule ({own}) is not used."
        print(one_line(f"It continues from what the tier has learned. {not_used}"))
    if action == "/promote":
        epsilon = _epsilon(view["active"])
        if epsilon != epsilon_before:
            print(
                f"It explores with epsilon {epsilon:g}, the evidence floor of the tier: every arm keeps a chance, so "
                "that shadows can be evaluated while it serves."
            )
        print(f"`pointsman revert {options.tier}` undoes it.")
    print_warnings(view)
    return 0


def _record(options: argparse.Namespace, version: int | None) -> dict[str, Any]:
    body = {"why": options.why, "person": _login()[:MAX_PERSON_CHARS] if options.by is None else options.by}
    return body if version is None else {**body, "version": version}


def _require_shadow(view: dict[str, Any], name: str) -> None:
    """Raise `CommandFailed` for a policy that cannot be promoted, before asking for confirmation."""
    names = [spec["name"] for spec in view["shadows"]]
    if name not in names:
        if name == view["active"]["name"]:
            raise CommandFailed(one_line(f"{name} is the active policy of {view['tier']} already"))
        known = one_line(", ".join(names) or "none")
        raise CommandFailed(f"no shadow of {view['tier']} is called {name!r}; there is {known}")


def _confirm(target: Target, tier: str, policy: str, question: str, refused: Collection[str] = ()) -> bool:
    """Show the shadow report of the last week and ask for confirmation, unless the gateway will refuse its verdict."""
    if not sys.stdin.isatty():
        raise CommandFailed("this changes the active policy; confirm with --yes", code=2)
    query = urlencode({"window": "7d", "tier": tier, "policy": policy})
    response = call_gateway(target, f"/v1/shadow/report?{query}", check=False)
    if response.ok:
        row = response.json()["policies"][0]
        verdict = f"{row.get('verdict', '–')}. {row.get('why', '')}"
        print(one_line(f"{policy}, {row['decisions']:,} decisions of the last 7 days: {verdict}"))
        if row.get("verdict") in refused:
            raise CommandFailed(one_line(f"the verdict is {row['verdict']!r}; to promote {policy} anyway, use --force"))
    else:
        print(f"The report has nothing about {policy}: {response.problem()}")
    return input(f"{one_line(question)} [y/N] ").strip().lower() in ("y", "yes")


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no such user, as in some containers
        return ""
