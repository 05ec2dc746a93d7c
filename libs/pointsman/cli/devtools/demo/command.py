"""The command ``pointsman demo``: start the stack, send traffic, print a summary, and serve until it is stopped."""

import argparse
import asyncio
import os
import time
from functools import partial
from pathlib import Path

import uvloop
from rich.console import Console

from pointsman.cli.console import PrintableConsole
from pointsman.cli.devtools.demo.chat import CHAT_REQUESTS, CHAT_TIMEOUT_S, ChatDemo
from pointsman.cli.devtools.demo.data import DataMissing, Prompts, load_prompts
from pointsman.cli.devtools.demo.folder import FolderRefused, prepare_folder
from pointsman.cli.devtools.demo.hints import hints
from pointsman.cli.devtools.demo.learned import read_learned, read_shadows, wait_learned, wait_shadows
from pointsman.cli.devtools.demo.mock_models import mock_models, write_config
from pointsman.cli.devtools.demo.progress import show_progress
from pointsman.cli.devtools.demo.summary import print_summary
from pointsman.cli.devtools.demo.tally import Tally
from pointsman.cli.devtools.demo.traffic import DemoFailed, Traffic
from pointsman.cli.errors import CommandFailed
from pointsman.cli.gateway import GatewayClient, GatewayUnavailable
from pointsman.cli.options import add_key_option
from pointsman.cli.stack.errors import StackError
from pointsman.cli.stack.foreground import run_in_foreground
from pointsman.cli.stack.stack import Stack
from pointsman.cli.stack.stack_file import find_stack
from pointsman.contracts.config import Config, ConfigError, load_config

CONFIG_FILE = Path(__file__).with_name("demo.toml")
DEFAULT_DATA_DIR = ".demo"
DEFAULT_SEED = 7
DEFAULT_IN_FLIGHT = 16
LEARN_TIMEOUT_S = 20.0
_RANGES = {"limit": (1, None), "in_flight": (1, 1024), "seed": (0, None), "port": (0, 65535)}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = (
        "Starts the stack, requests a decision over HTTP for each of 3,609 real prompts, reports each outcome (the "
        "judged quality and the cost of the chosen model's real answer), and prints a summary. Then the gateway calls "
        "the models of a mock provider itself: streaming, a fallback, feedback, and learning from what the gateway "
        "measures. Serves until Ctrl-C."
    )
    parser.add_argument("--once", action="store_true", help="end after the summary")
    parser.add_argument("--limit", metavar="N", type=int, help="route only N prompts")
    parser.add_argument(
        "--seed", metavar="N", type=int, default=DEFAULT_SEED, help=f"of the order of prompts (default: {DEFAULT_SEED})"
    )
    parser.add_argument(
        "--in-flight",
        metavar="N",
        type=int,
        default=DEFAULT_IN_FLIGHT,
        help=f"requests at a time (default: {DEFAULT_IN_FLIGHT})",
    )
    parser.add_argument(
        "--port", metavar="N", type=int, help="port of the gateway (default: 8080, or the next free one; 0: any)"
    )
    parser.add_argument(
        "--data-dir",
        metavar="D",
        type=Path,
        default=Path(os.environ.get("POINTSMAN_DATA_DIR", DEFAULT_DATA_DIR)),
        help="directory for data and logs, emptied at each start (default: $POINTSMAN_DATA_DIR, or ./.demo)",
    )
    add_key_option(parser)
    parser.add_argument("--keep", action="store_true", help="continue from what an earlier demo learned")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    for name, (low, high) in _RANGES.items():
        value = getattr(options, name)
        if value is not None and (value < low or (high is not None and value > high)):
            expected = f"at least {low}" if high is None else f"{low} to {high}"
            raise CommandFailed(f"--{name.replace('_', '-')}: expected {expected}, got {value}", code=2)
    try:
        load_config(CONFIG_FILE)  # reports problems of the environment before anything is changed
        prompts = load_prompts()
        prepare_folder(options.data_dir, keep=options.keep, running=find_stack(options.data_dir) is not None)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_run_stack(options, prompts.shuffled(options.seed, options.limit)))
    except ConfigError as error:
        raise CommandFailed("\n  ".join(["the settings are invalid:", *error.problems]), code=2) from error
    except (DataMissing, FolderRefused) as error:
        raise CommandFailed(str(error), code=2) from error
    except (StackError, DemoFailed, GatewayUnavailable, OSError) as error:
        raise CommandFailed(f"{error} (logs: {options.data_dir / 'logs'})") from error
    return 0


async def _run_stack(options: argparse.Namespace, prompts: Prompts) -> None:
    console = PrintableConsole()
    print_line = partial(console.print, highlight=False, markup=False, soft_wrap=True)
    async with mock_models(options.seed) as address:
        file = options.data_dir / CONFIG_FILE.name
        write_config(CONFIG_FILE, address, file)
        config = load_config(file)
        stack = Stack(config, data_dir=options.data_dir, config_file=file, port=options.port, on_event=print_line)
        await run_in_foreground(stack, _demo(options, config, prompts, stack, console), print_line)


async def _demo(options: argparse.Namespace, config: Config, prompts: Prompts, stack: Stack, console: Console) -> None:
    tier = config.tier[0].name
    print_line = partial(console.print, highlight=False, markup=False, soft_wrap=True)
    print_line(f"starting NATS, the store and the four services, with data in {options.data_dir}")
    started_s = time.monotonic()
    await stack.start()
    await stack.wait_ready()
    print_line(f"ready after {time.monotonic() - started_s:.1f} s: {stack.gateway_url}")
    print_line(
        f"routing {len(prompts):,} real prompts, shuffled with seed {options.seed}, {options.in_flight} at a time; "
        f"for each: a decision, then the outcome of the chosen model's real answer"
    )
    tally = Tally(prompts, prompts.rewards(config.reward))
    async with GatewayClient(stack.gateway_url, api_key=options.api_key) as gateway:
        learned_before = await read_learned(gateway, tier)
        shadows_before = await read_shadows(gateway, tier)
        await show_progress(console, tally, Traffic(gateway, tier, prompts, tally).run(options.in_flight))
        chosen = len(tally) - tally.degraded
        learned = await wait_learned(gateway, tier, learned_before.outcomes + chosen, LEARN_TIMEOUT_S)
        shadows = await wait_shadows(gateway, tier, shadows_before, chosen, LEARN_TIMEOUT_S)
    print_summary(console, tally, config.reward, config.active(config.tier[0]).name, learned, shadows)
    async with GatewayClient(stack.gateway_url, CHAT_TIMEOUT_S, options.api_key) as gateway:
        await ChatDemo(console, gateway, prompts.texts[:CHAT_REQUESTS], options.in_flight).run()
    if not options.once:
        print_line(hints(stack.gateway_url, tier, str(options.data_dir)))
        await asyncio.Event().wait()
