"""``pointsman policies``: which policy serves in each tier, which run in shadow, and who changed that."""

from __future__ import annotations

import argparse
import asyncio
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from pointsman.cli.errors import CommandFailed
from pointsman.cli.http import GatewayClient, GatewayUnreachable, Reply
from pointsman.cli.target import Target, add_target_options, find_target

if TYPE_CHECKING:
    from rich.table import Table

    from pointsman.cli.options import Subparsers

Ask = tuple[str, object | None]
"""A path, and the body to send there; None to get."""


def add_policies(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "policies",
        help="which policies serve and run in shadow, and who changed that",
        description="Prints each tier's active policy and its shadows; with --history every version that is still "
        "kept: who made it, when, and why. --json has the evidence that promotions rest on.",
    )
    parser.add_argument("--tier", metavar="T", help="this tier only")
    parser.add_argument("--history", action="store_true", help="print the versions, the newest first")
    parser.add_argument("--json", action="store_true", help="print the gateway's answer as it is")
    add_target_options(parser)
    parser.set_defaults(run=_run)


def ask_gateway(target: Target, *asked: Ask) -> list[Reply]:
    """Return the gateway's answers, in order; it ends at the first that is a refusal, which is among them.

    Raises
    ------
    CommandFailed
        When the gateway cannot be asked.
    """

    async def ask() -> list[Reply]:
        replies: list[Reply] = []
        async with GatewayClient(target.gateway_url, api_key=target.api_key) as gateway:
            for path, body in asked:
                replies.append(await (gateway.get(path) if body is None else gateway.post(path, body)))
                if not replies[-1].ok:
                    break
        return replies

    try:
        return asyncio.run(ask())
    except ValueError as error:
        raise CommandFailed(f"--url or --api-key: {error}", code=2) from error
    except GatewayUnreachable as error:
        raise CommandFailed(
            f"the gateway does not answer at {target.gateway_url} ({target.origin}): {error}"
        ) from error


def granted(reply: Reply) -> Any:
    """Return what an answer says; raise `CommandFailed` for a refusal."""
    if not reply.ok:
        raise CommandFailed(f"the gateway refused: {reply.problem()}")
    return reply.json()


def tier_path(tier: str, more: str = "") -> str:
    """Return the path of a tier's policies."""
    return f"/v1/policies/{quote(tier, safe='')}{more}"


def print_json(reply: Reply) -> None:
    """Print an answer, indented."""
    sys.stdout.write(msgspec.json.format(reply.body, indent=2).decode() + "\n")


def _run(options: argparse.Namespace) -> int:
    target = find_target(options)
    (reply,) = ask_gateway(target, ("/v1/policies", None))
    tiers = [view for view in granted(reply)["policies"] if options.tier in (None, view["tier"])]
    if not tiers:
        raise CommandFailed(f"no tier {options.tier!r}", code=2)
    if not options.history:
        if options.json:
            sys.stdout.write(msgspec.json.format(msgspec.json.encode(tiers), indent=2).decode() + "\n")
        else:
            _print_policies(tiers)
        return 0
    replies = ask_gateway(target, *[(tier_path(view["tier"], "/history"), None) for view in tiers])
    histories = [granted(reply) for reply in replies]
    if options.json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(histories), indent=2).decode() + "\n")
    else:
        _print_history(histories)
    return 0


def _print_policies(tiers: list[dict[str, Any]]) -> None:
    table = _table("tier", "version", "serves", "since", "shadows")
    for view in tiers:
        shadows = "\n".join(_described(spec) for spec in view["shadows"]) or "–"
        since = _time(view["active_since_ms"])
        table.add_row(view["tier"], str(view["version"]), _described(view["active"]), since, shadows)
    _show(table)


def _print_history(histories: list[dict[str, Any]]) -> None:
    table = _table("tier", "version", "when", "by", "what", "why")
    for history in histories:
        for version in history["versions"]:
            change = version["change"] or {}
            by = change.get("by", version["changed_by"]) or "–"
            if person := change.get("person"):
                by = f"{by} ({person})"
            table.add_row(
                history["tier"],
                str(version["version"]),
                _time(version["stored_at_ms"]),
                by,
                _what(version, change),
                change.get("why", "") or "–",
            )
    _show(table)


def _what(version: dict[str, Any], change: dict[str, Any]) -> str:
    """Return a version in words."""
    if version["problem"]:
        return f"cannot be read: {version['problem']}"
    kind, active, before = change.get("kind", ""), version["active"]["name"], change.get("replaced", "")
    moved = f"{before} → {active}" if before not in ("", active) else active
    shadows = ", ".join(spec["name"] for spec in version["shadows"]) or "no shadow"
    return f"{kind + ': ' if kind else ''}{moved}; {shadows}"


def _described(spec: dict[str, Any]) -> str:
    parameters = ", ".join(f"{name} {value}" for name, value in (spec.get("parameters") or {}).items())
    own = {name: spec.get(name) for name in ("lambda_cost", "mu_latency", "forgetting", "sample")}
    more = [f"{name} {value:g}" for name, value in own.items() if value is not None]
    return f"{spec['name']} ({'; '.join(part for part in (spec['algorithm'], parameters, *more) if part)})"


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000.0, UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if at_ms else "–"


def _table(*columns: str) -> Table:
    from rich.table import Table  # noqa: PLC0415  # nothing else of the command needs it

    table = Table()
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _show(table: Table) -> None:
    from rich.console import Console  # noqa: PLC0415  # as above

    Console(highlight=False, markup=False).print(table)
