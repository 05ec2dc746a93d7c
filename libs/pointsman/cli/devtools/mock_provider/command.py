"""``pointsman mock-provider``."""

from __future__ import annotations

import argparse
import asyncio
import signal
from typing import TYPE_CHECKING

import msgspec

from pointsman.cli.devtools.mock_provider.behaviour import Behaviour
from pointsman.cli.errors import CommandFailed

if TYPE_CHECKING:
    from pointsman.cli.devtools.mock_provider.server import MockProvider
    from pointsman.cli.options import Subparsers

_ABOUT = """\
A provider without a model, on this machine: OpenAI's chat completions and Anthropic's messages, streaming, tools and
usage included. What it says has no sense; how fast, how reliable and how good it is, is up to you, and the same again
with the same seed.

Point a [[provider]] with kind "openai" or "anthropic" at http://127.0.0.1:PORT/v1 or http://127.0.0.1:PORT.

One message can ask for more, anywhere in its text:
  [mock status=429]  [mock break=3]  [mock latency-ms=500]  [mock first-byte-ms=200]  [mock bad=refusal words=9]"""


def add_mock_provider(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "mock-provider",
        help="a provider without a model, for trying everything without keys",
        description=_ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (default: %(default)s)")
    parser.add_argument("--port", type=int, default=9100, help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of everything that happens by chance")
    parser.add_argument("--models", default="", help="names, separated by commas; any name when left out")
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="NAME,KEY=VALUE…",
        help="one model with settings of its own, as small,quality=0.7,latency-ms=80; may be given several times",
    )
    parser.add_argument("--api-key", help="refuse requests without this key")
    for field in msgspec.structs.fields(Behaviour):
        parser.add_argument(
            "--" + field.name.replace("_", "-"), type=field.type, default=field.default, help=_HELP[field.name]
        )
    parser.set_defaults(run=run)


_HELP = {
    "first_byte_ms": "until an answer begins (default: %(default)s)",
    "latency_ms": "until it is whole (default: %(default)s)",
    "fail_rate": "share of requests that fail, 0 to 1 (default: %(default)s)",
    "fail_status": "with this HTTP status (default: %(default)s)",
    "break_rate": "share of streams that break off, 0 to 1 (default: %(default)s)",
    "quality": "share of good answers, 0 to 1; the others are empty, refusals or cut off (default: %(default)s)",
    "words": "length of a good answer (default: %(default)s)",
}


def run(options: argparse.Namespace) -> int:
    """Serve until stopped."""
    import uvloop  # noqa: PLC0415  # here, so that listing the commands needs neither

    from pointsman.cli.devtools.mock_provider.server import MockProvider  # noqa: PLC0415

    default = _checked(Behaviour(**{name: getattr(options, name) for name in Behaviour.__struct_fields__}))
    models = {name: default for name in options.models.split(",") if name}
    models |= dict(_model(text, default) for text in options.model)
    provider = MockProvider(models, default, options.seed, options.api_key)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(provider, options.host, options.port))
    except OSError as error:
        raise CommandFailed(f"cannot listen on {options.host}:{options.port}: {error.strerror or error}") from error
    return 0


async def _serve(provider: MockProvider, host: str, port: int) -> None:
    from aiohttp import web  # noqa: PLC0415

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(provider.app(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, backlog=1024).start()
        bound = runner.addresses[0]
        print(f"listening at http://{bound[0]}:{bound[1]}", flush=True)
        await stop.wait()
    finally:
        await runner.cleanup()


def _model(text: str, default: Behaviour) -> tuple[str, Behaviour]:
    name, *settings = text.split(",")
    told = {}
    for setting in settings:
        key, _, value = setting.partition("=")
        told[key.strip().replace("-", "_")] = value
    try:
        behaviour = msgspec.convert({**msgspec.structs.asdict(default), **told}, Behaviour, strict=False)
    except msgspec.ValidationError as error:
        raise CommandFailed(f"--model {text}: {error}", 2) from error
    unknown = told.keys() - set(Behaviour.__struct_fields__)
    if not name or unknown:
        raise CommandFailed(f"--model {text}: expected NAME,KEY=VALUE with {', '.join(_HELP)}", 2)
    return name, _checked(behaviour)


def _checked(behaviour: Behaviour) -> Behaviour:
    for name in ("fail_rate", "break_rate", "quality"):
        if not 0.0 <= getattr(behaviour, name) <= 1.0:
            raise CommandFailed(f"--{name.replace('_', '-')}: expected 0 to 1, got {getattr(behaviour, name)}", 2)
    for name in ("first_byte_ms", "latency_ms", "words"):
        if not 0 <= getattr(behaviour, name) < 1e7:
            raise CommandFailed(f"--{name.replace('_', '-')}: expected at least 0, got {getattr(behaviour, name)}", 2)
    if not 400 <= behaviour.fail_status <= 599:
        raise CommandFailed(f"--fail-status: expected 400 to 599, got {behaviour.fail_status}", 2)
    return behaviour
