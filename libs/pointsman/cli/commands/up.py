"""``pointsman up``: the embedded stack in the foreground."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pointsman.cli.errors import CommandFailed
from pointsman.cli.options import add_config_option, config_file, read_config
from pointsman.cli.program import program

if TYPE_CHECKING:
    from pointsman.cli.options import Subparsers
    from pointsman.cli.stack import Stack
    from pointsman.contracts.config import Config

DEFAULT_DATA_DIR = "data"
_REPLICATED = ("decision", "reward-updater", "shadow-evaluator")


def add_up(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "up",
        help="start NATS, a store and the four services on this machine",
        description="Starts a NATS server, a store and the four services on this machine, restarts what dies, and "
        "stops all of it on Ctrl-C. What was learned stays in the data directory, and is there at the next start.",
    )
    add_config_option(parser)
    parser.add_argument(
        "--data-dir",
        metavar="D",
        type=Path,
        default=Path(os.environ.get("POINTSMAN_DATA_DIR", DEFAULT_DATA_DIR)),
        help="where data and logs go (default: $POINTSMAN_DATA_DIR, or ./data)",
    )
    parser.add_argument(
        "--port", metavar="N", type=int, help="the gateway's (default: the configured one, or the next that is free)"
    )
    parser.add_argument(
        "--replicas",
        metavar="SERVICE=N",
        action="append",
        default=[],
        help=f"how many processes, as decision=3; for {', '.join(_REPLICATED)}; may be given more than once",
    )
    parser.set_defaults(run=_run)


def parse_replicas(texts: list[str]) -> dict[str, int]:
    """Return how many processes each service gets, from ``decision=3`` and ``decision=3,reward-updater=2`` alike.

    Raises
    ------
    CommandFailed
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
    from pointsman.cli.stack import PortBusy, ProgramMissing, Stack, StackError  # noqa: PLC0415  # slow to import
    from pointsman.contracts.config import exposure_problems  # noqa: PLC0415  # slow to import

    replicas = parse_replicas(options.replicas)
    if options.port is not None and not 0 <= options.port <= 65535:
        raise CommandFailed(f"--port: expected 0 to 65535, got {options.port}", code=2)
    config = read_config(options)
    problems = exposure_problems(config)
    if problems:
        raise CommandFailed("\n  ".join(problems), code=2)

    async def supervise() -> int:
        stack = Stack(
            config,
            data_dir=options.data_dir,
            config_file=config_file(options),
            port=options.port,
            replicas=replicas,
            on_event=_say,
        )
        return await _supervise(stack, config)

    try:
        return asyncio.run(supervise())
    except (PortBusy, ProgramMissing) as error:
        raise CommandFailed(str(error), code=2) from error
    except (StackError, OSError) as error:
        raise CommandFailed(str(error)) from error


async def _supervise(stack: Stack, config: Config) -> int:
    """Start, keep running until a signal comes, stop."""
    asked_to_stop = asyncio.Event()

    def on_signal() -> None:
        if asked_to_stop.is_set():
            stack.kill()  # the second Ctrl-C: no more patience
        asked_to_stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # ignored: nohup
            asyncio.get_running_loop().add_signal_handler(number, on_signal)
    print(f"starting, with data in {_short(stack.data_dir)}", flush=True)
    starting = asyncio.create_task(_start(stack))
    waiting = asyncio.create_task(asked_to_stop.wait())
    try:
        await asyncio.wait([starting, waiting], return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            print(summary(stack, config), flush=True)
            await waiting
        _say("stopping")
    finally:
        for task in (starting, waiting):
            task.cancel()
        await asyncio.gather(starting, waiting, return_exceptions=True)
        await stack.stop()
    _say("stopped")
    return 0


async def _start(stack: Stack) -> None:
    await stack.start()
    await stack.wait_ready()


def _say(line: str) -> None:
    """Print one event; nobody reading any more is no reason to die."""
    with contextlib.suppress(OSError):
        print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)


def summary(stack: Stack, config: Config) -> str:
    """Return what is running where, and what to try."""
    from pointsman.cli.stack.logins import OBSERVER_FILE  # noqa: PLC0415  # slow to import
    from pointsman.contracts.config import keys_required  # noqa: PLC0415  # slow to import

    url, tier = stack.gateway_url, config.tier[0].name
    context = ",".join(["0.5"] * config.context.dim)
    observer = _short(stack.data_dir / OBSERVER_FILE)
    where = _data_dir_option(stack.data_dir)
    running, command = stack.describe(), program()
    key = ' \\\n                 -H "authorization: Bearer $POINTSMAN_API_KEY"' if keys_required(config) else ""
    counts = [
        f"{len(processes)} {name}"
        for name, processes in (
            ("decision", running.decision),
            ("shadow-evaluator", running.shadow_evaluator),
            ("reward-updater", running.reward_updater),
        )
    ]
    return f"""\
Pointsman is ready.

  gateway   {url}
  NATS      {stack.nats_url} (monitor {stack.monitor_url})
  store     {stack.redis_url}
  beside    {", ".join(counts)}
  logs      {_short(stack.log_dir)}

Try
  a decision   curl -s {url}/v1/decisions -H 'content-type: application/json'{key} \\
                 -d '{{"tier":"{tier}","context":[{context}]}}'
  its outcome  curl -s {url}/v1/outcomes -H 'content-type: application/json'{key} \\
                 -d '{{"decision_id":"(from above)","quality":80,"cost_usd":0.001,"latency_ms":400}}'
  all of them  {command} tail{where}
               or with the NATS tools, as a user who may only listen:
                 NATS_URL="$(cat {observer})" nats sub 'decisions.>'
  the shadows  {command} compare{where}
  the page     {url}/     the API: {url}/docs

Ctrl-C stops it.
"""


def _short(path: Path) -> str:
    with contextlib.suppress(ValueError):
        return f"./{path.relative_to(Path.cwd())}"
    return str(path)


def _data_dir_option(data_dir: Path) -> str:
    return "" if data_dir == Path.cwd() / DEFAULT_DATA_DIR else f" --data-dir {_short(data_dir)}"
