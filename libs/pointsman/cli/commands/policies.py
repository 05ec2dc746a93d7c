"""The command ``pointsman policies``: active and shadow policies of each tier, and the history of their changes."""

import argparse
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from rich.table import Column, Table

from pointsman.cli.commands.what_if import add_weight_options, asked_weights, print_what_if
from pointsman.cli.console import PrintableConsole
from pointsman.cli.errors import CommandFailed
from pointsman.cli.gateway import call_gateway, get_json, print_json
from pointsman.cli.target import Target, add_target_options, find_target
from pointsman.core.printable import one_line


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = (
        "Prints each tier's active policy and its shadows; with --history every version that is still stored: who made "
        "it, when, and why. --json includes the evidence for promotions. With --lambda-cost or --mu-latency, prints "
        "which arm would be chosen under other weights of the reward, and changes nothing."
    )
    parser.add_argument("--tier", metavar="T", help="this tier only")
    parser.add_argument("--history", action="store_true", help="print the versions, newest first")
    parser.add_argument(
        "--reset",
        action="store_true",
        help="put the policies of the gateway's configuration file in force, in place of what was set through the API, "
        "promoted, or written by a gateway with another file",
    )
    add_weight_options(parser)
    parser.add_argument("--json", action="store_true", help="print the gateway's response as it is")
    add_target_options(parser)
    parser.set_defaults(run=_run)


def policies_path(tier: str, action: str) -> str:
    """Return the path of an action on a tier's policies, as ``/promote``."""
    return f"/v1/policies/{quote(tier, safe='')}{action}"


def read_policies(target: Target, tier: str | None) -> list[dict[str, Any]]:
    """Return the current policies of one tier or of all.

    Raise `CommandFailed` if there is no such tier, or the gateway does not respond.
    """
    tiers = [view for view in get_json(target, "/v1/policies")["policies"] if tier in (None, view["tier"])]
    if not tiers:
        raise CommandFailed(f"no tier {tier!r}", code=2)
    return tiers


def _run(options: argparse.Namespace) -> int:
    target = find_target(options)
    found = read_policies(target, options.tier)
    weights = asked_weights(options)
    if weights and (options.reset or options.history):
        raise CommandFailed("--lambda-cost and --mu-latency cannot be combined with --reset or --history", code=2)
    if weights:
        print_what_if(target, [view["tier"] for view in found], weights, as_json=options.json)
        return 0
    if options.reset:
        found = [call_gateway(target, policies_path(view["tier"], "/reset"), {}).json() for view in found]
    if options.history:
        found = [get_json(target, policies_path(view["tier"], "/history")) for view in found]
    if options.json:
        print_json(found)
    else:
        table = _history_table(found) if options.history else _policies_table(found)
        PrintableConsole(highlight=False, markup=False).print(table)
        for view in found:
            print_warnings(view)
    return 0


def print_warnings(view: dict[str, Any]) -> None:
    """Print what the gateway warns about in the policies of a tier, and what is not that of its file."""
    if override := view.get("override"):
        print(one_line(f"note: {view['tier']}: {override}"))
    for warning in view.get("warnings", []):
        print(one_line(f"warning: {view['tier']}: {warning}"))


def _policies_table(tiers: list[dict[str, Any]]) -> Table:
    table = _table("tier", "version", "active", "since", "shadows")
    for view in tiers:
        shadows = "\n".join(one_line(_describe(spec)) for spec in view["shadows"]) or "–"
        since = _time(view["active_since_ms"])
        active = "\n".join([one_line(_describe(view["active"])), *filter(None, [_SOURCES.get(view.get("source", ""))])])
        table.add_row(one_line(view["tier"]), str(view["version"]), active, since, shadows)
    return table


_SOURCES = {
    "file": "from the file",
    "other-file": "from another file",
    "api": "set through the API",
    "automatic": "promoted automatically",
}


def _history_table(histories: list[dict[str, Any]]) -> Table:
    table = _table("tier", "version", "when", "by", "what", "why")
    for history in histories:
        for version in history["versions"]:
            change = version["change"] or {}
            by = change.get("by", version["changed_by"]) or "–"
            if person := change.get("person"):
                by = f"{by} ({person})"
            when, why = _time(version["stored_at_ms"]), change.get("why", "") or "–"
            what = _describe_change(version, change)
            table.add_row(*map(one_line, (history["tier"], str(version["version"]), when, by, what, why)))
    return table


def _describe_change(version: dict[str, Any], change: dict[str, Any]) -> str:
    if version["problem"]:
        return f"cannot be read: {version['problem']}"
    kind, active, before = change.get("kind", ""), version["active"]["name"], change.get("replaced", "")
    moved = f"{before} → {active}" if before not in ("", active) else active
    shadows = ", ".join(spec["name"] for spec in version["shadows"]) or "no shadow"
    return f"{kind + ': ' if kind else ''}{moved}; {shadows}"


def _describe(spec: dict[str, Any]) -> str:
    parameters = ", ".join(f"{name} {value}" for name, value in (spec.get("parameters") or {}).items())
    own = {name: spec.get(name) for name in ("lambda_cost", "mu_latency", "forgetting", "sample")}
    parts = [spec["algorithm"], parameters, *(f"{name} {value:g}" for name, value in own.items() if value is not None)]
    return f"{spec['name']} ({'; '.join(part for part in parts if part)})"


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000.0, UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if at_ms else "–"


def _table(*columns: str) -> Table:
    return Table(*(Column(name, overflow="fold") for name in columns))
