"""The command ``pointsman up``: run the embedded stack in the foreground."""

import argparse
import asyncio
import contextlib
import math
import os
import time
from pathlib import Path

from pointsman.cli.errors import CommandFailed
from pointsman.cli.options import add_config_option, command_name, config_file, port_number, read_config
from pointsman.cli.stack.errors import NotReadyYet, PortBusy, ProgramMissing, StackError
from pointsman.cli.stack.foreground import run_in_foreground
from pointsman.cli.stack.logins import OBSERVER_FILE
from pointsman.cli.stack.stack import Stack
from pointsman.contracts.config import Config, exposure_problems, keys_required

DEFAULT_DATA_DIR = "data"
_REPLICATED = ("decision", "reward-updater", "shadow-evaluator")
FIRST_WAIT_S = 15.0
"""Time after which the services that are not ready are named."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = (
        "Starts a NATS server, a store and the four services on this machine, restarts a process that ends, and stops "
        "all of them on Ctrl-C. The learned state is kept in the data directory for the next start."
    )
    add_config_option(parser)
    parser.add_argument(
        "--data-dir",
        metavar="D",
        type=Path,
        default=Path(os.environ.get("POINTSMAN_DATA_DIR", DEFAULT_DATA_DIR)),
        help="directory for data and logs (default: $POINTSMAN_DATA_DIR, or ./data)",
    )
    parser.add_argument(
        "--port",
        metavar="N",
        type=port_number,
        help="port of the gateway (default: the configured port, or the next free one)",
    )
    parser.add_argument(
        "--replicas",
        metavar="SERVICE=N",
        action="append",
        default=[],
        help=f"number of processes, as decision=3; for {', '.join(_REPLICATED)}; may be given more than once",
    )
    parser.set_defaults(run=_run)


def parse_replicas(texts: list[str]) -> dict[str, int]:
    """Return the number of processes per service, from texts as ``decision=3`` or ``decision=3,reward-updater=2``.

    Raise `CommandFailed` for any other text.
    """
    replicas = {}
    for text in (part for each in texts for part in each.split(",")):
        name, _, count = text.strip().partition("=")
        name = name.replace("_", "-")
        if name == "gateway" and count != "1":
            raise CommandFailed("--replicas: the embedded stack has one gateway", code=2)
        if name not in (*_REPLICATED, "gateway") or not (count.isascii() and count.isdigit() and 1 <= int(count) <= 64):
            expected = " or ".join(f"{service}=N" for service in _REPLICATED)
            raise CommandFailed(f"--replicas: expected {expected}, N from 1 to 64, got {text.strip()!r}", code=2)
        replicas[name.replace("-", "_")] = int(count)
    return replicas


def _run(options: argparse.Namespace) -> int:
    replicas = parse_replicas(options.replicas)
    config = read_config(options)
    if problems := exposure_problems(config):
        raise CommandFailed("\n  ".join(problems), code=2)
    try:
        asyncio.run(_run_stack(options, config, replicas))
    except (PortBusy, ProgramMissing) as error:
        raise CommandFailed(str(error), code=2) from error
    except (StackError, OSError) as error:
        raise CommandFailed(str(error)) from error
    return 0


async def _run_stack(options: argparse.Namespace, config: Config, replicas: dict[str, int]) -> None:
    stack = Stack(
        config,
        data_dir=options.data_dir,
        config_file=config_file(options),
        port=options.port,
        replicas=replicas,
        on_event=_print_event,
    )

    async def serve() -> None:
        print(f"starting, with data in {_short(stack.data_dir)}", flush=True)
        await stack.start()
        try:
            await stack.wait_ready(FIRST_WAIT_S)
        except NotReadyYet as error:
            # It may need an operator, and the commands for that need the stack.
            _print_event(f"{error}. It goes on; `{command_name()} doctor{_data_dir_option(stack.data_dir)}` shows more")
            await stack.wait_ready(math.inf)
        print(summary(stack, config), flush=True)
        await asyncio.Event().wait()

    await run_in_foreground(stack, serve(), _print_event)
    _print_event("stopped")


def _print_event(line: str) -> None:
    """Print one event; a closed output does not end the stack."""
    with contextlib.suppress(OSError):
        print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)


def summary(stack: Stack, config: Config) -> str:
    """Return the addresses of what runs, and commands to try."""
    url, tier = stack.gateway_url, config.tier[0].name
    context = ",".join(["0.5"] * config.context.dim)
    observer = _short(stack.data_dir / OBSERVER_FILE)
    where = _data_dir_option(stack.data_dir)
    running, command = stack.describe(), command_name()
    key = ' \\\n                 -H "authorization: Bearer $POINTSMAN_API_KEY"' if keys_required(config) else ""
    counts = [
        f"{len(getattr(running, service.replace('-', '_')))} {service}"
        for service in ("decision", "shadow-evaluator", "reward-updater")
    ]
    return f"""\
Pointsman is ready.

  gateway   {url}
  NATS      {stack.nats_url} (monitor {stack.monitor_url})
  store     {stack.redis_url}
  services  {", ".join(counts)}
  logs      {_short(stack.log_dir)}

Try
  a decision   curl -s {url}/v1/decisions -H 'content-type: application/json'{key} \\
                 -d '{{"tier":"{tier}","context":[{context}]}}'
  its outcome  curl -s {url}/v1/outcomes -H 'content-type: application/json'{key} \\
                 -d '{{"decision_id":"(from above)","quality":80,"cost_usd":0.001,"latency_ms":400}}'
  decisions    {command} tail{where}
               or with the NATS tools, as a user who may only subscribe:
                 NATS_URL="$(cat {observer})" nats sub 'decisions.>'
  shadows      {command} compare{where}
  dashboard    {url}/     the API: {url}/docs

Ctrl-C stops it.
"""


def _short(path: Path) -> str:
    with contextlib.suppress(ValueError):
        return f"./{path.relative_to(Path.cwd())}"
    return str(path)


def _data_dir_option(data_dir: Path) -> str:
    return "" if data_dir == Path.cwd() / DEFAULT_DATA_DIR else f" --data-dir {_short(data_dir)}"
