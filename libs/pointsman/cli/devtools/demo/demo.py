"""The demo from start to end: the stack, the traffic, the summary; then it serves until it is stopped."""

from __future__ import annotations

import argparse
import asyncio
import signal
import time
from pathlib import Path

import uvloop
from rich.console import Console

from pointsman.cli.devtools.demo.chat import REQUESTS as CHAT_REQUESTS
from pointsman.cli.devtools.demo.chat import ChatDemo
from pointsman.cli.devtools.demo.chat_client import ChatClient
from pointsman.cli.devtools.demo.data import DataMissing, Prompts, load_prompts
from pointsman.cli.devtools.demo.display import show_progress
from pointsman.cli.devtools.demo.folder import FolderRefused, prepare_folder
from pointsman.cli.devtools.demo.hints import hints
from pointsman.cli.devtools.demo.mock_models import mock_models, write_config
from pointsman.cli.devtools.demo.runner import DemoFailed, Traffic
from pointsman.cli.devtools.demo.service_view import read_learned, read_shadows, wait_learned, wait_shadows
from pointsman.cli.devtools.demo.summary import print_summary
from pointsman.cli.devtools.demo.tally import Tally
from pointsman.cli.errors import CommandFailed
from pointsman.cli.http import GatewayClient, GatewayUnreachable
from pointsman.cli.stack import Stack, StackError, find_stack
from pointsman.contracts.config import Config, ConfigError, load_config

CONFIG_FILE = Path(__file__).with_name("demo.toml")
CATCH_UP_S = 20.0


def run_demo(options: argparse.Namespace) -> int:
    """Run the demo as the options say; return the exit code.

    Raises
    ------
    CommandFailed
    """
    try:
        load_config(CONFIG_FILE)  # what is wrong in the environment is said before anything is touched
        prompts = load_prompts()
        prepare_folder(options.data_dir, keep=options.keep, running=find_stack(options.data_dir) is not None)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_with_models(options, prompts.shuffled(options.seed, options.limit)))
    except ConfigError as error:
        raise CommandFailed("\n  ".join(["the settings cannot be used:", *error.problems]), code=2) from error
    except (DataMissing, FolderRefused) as error:
        raise CommandFailed(str(error), code=2) from error
    except (StackError, DemoFailed, GatewayUnreachable, OSError) as error:
        raise CommandFailed(f"{error} (logs: {options.data_dir / 'logs'})") from error


async def _with_models(options: argparse.Namespace, prompts: Prompts) -> int:
    async with mock_models(options.seed) as address:
        file = options.data_dir / CONFIG_FILE.name
        write_config(CONFIG_FILE, address, file)
        return await _until_stopped(options, load_config(file), file, prompts)


async def _until_stopped(options: argparse.Namespace, config: Config, file: Path, prompts: Prompts) -> int:
    """Run the demo, and stop the stack however it ends: by itself, by an error, by Ctrl-C or by a request to end."""
    console = Console()
    stack = Stack(
        config,
        data_dir=options.data_dir,
        config_file=file,
        port=options.port,
        on_event=lambda line: console.print(line, highlight=False, markup=False, soft_wrap=True),
    )
    demo = asyncio.create_task(_demo(options, config, prompts, stack, console))

    def on_signal() -> None:
        if demo.cancelling():
            stack.kill()  # the second Ctrl-C: no more patience
        demo.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    try:
        await demo
    except asyncio.CancelledError:
        console.print("stopping")
    finally:
        await stack.stop()
    return 0


async def _demo(options: argparse.Namespace, config: Config, prompts: Prompts, stack: Stack, console: Console) -> None:
    tier = config.tier[0].name
    rule = config.reward
    console.print(f"starting NATS, the store and the four services, with data in {options.data_dir}", soft_wrap=True)
    started_s = time.monotonic()
    await stack.start()
    await stack.wait_ready()
    console.print(f"ready after {time.monotonic() - started_s:.1f} s: {stack.gateway_url}", highlight=False)
    console.print(
        f"routing {len(prompts):,} real prompts, shuffled with seed {options.seed}, {options.in_flight} at a time; "
        f"for each: a decision, then the outcome of the chosen model's real answer",
        highlight=False,
        soft_wrap=True,
    )
    tally = Tally(prompts, prompts.rewards(rule))
    async with GatewayClient(stack.gateway_url, api_key=options.api_key) as gateway:
        learned_before = await read_learned(gateway, tier)
        shadows_before = await read_shadows(gateway, tier)
        traffic = Traffic(gateway, tier, prompts, tally)
        await show_progress(console, tally, traffic.run(options.in_flight))
        chosen = len(tally) - tally.degraded
        learned = await wait_learned(gateway, tier, learned_before.outcomes + chosen, CATCH_UP_S)
        shadows = await wait_shadows(gateway, tier, shadows_before, chosen, CATCH_UP_S)
    print_summary(console, tally, rule, config.active(config.tier[0]).name, learned, shadows)
    async with ChatClient(stack.gateway_url, options.api_key) as chat:
        await ChatDemo(console, chat, prompts.texts[:CHAT_REQUESTS], options.in_flight).run()
    if not options.once:
        console.print(
            hints(stack.gateway_url, tier, str(options.data_dir)),
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
        await asyncio.Event().wait()
