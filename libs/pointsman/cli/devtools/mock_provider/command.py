"""Options of ``pointsman mock-provider``, and its server process."""

from __future__ import annotations

import argparse
import asyncio
import signal

import msgspec
import uvloop
from aiohttp import web

from pointsman.cli.devtools.mock_provider.behaviour import Behaviour
from pointsman.cli.devtools.mock_provider.server import MockProvider
from pointsman.cli.errors import CommandFailed

_DESCRIPTION = """\
A provider without a model, on this machine: OpenAI's chat completions and Anthropic's messages, streaming, tools and
usage included. Its answers have no meaning; their latency, reliability and quality are set by the options, and are
equal for equal seeds.

Point a [[provider]] with kind "openai" or "anthropic" at http://127.0.0.1:PORT/v1 or http://127.0.0.1:PORT.

A message can set the behaviour for its request, anywhere in its text:
  [mock status=429]  [mock break=3]  [mock latency-ms=500]  [mock first-byte-ms=200]  [mock bad=refusal words=9]"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = _DESCRIPTION
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (default: %(default)s)")
    parser.add_argument("--port", type=int, default=9100, help="0 selects a free port (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of all random choices")
    parser.add_argument("--models", default="", help="names, separated by commas; any name by default")
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="NAME,KEY=VALUE…",
        help="one model with its own settings, as small,quality=0.7,latency-ms=80; may be given more than once",
    )
    parser.add_argument("--api-key", help="refuse requests without this key")
    for field in msgspec.structs.fields(Behaviour):
        parser.add_argument(
            "--" + field.name.replace("_", "-"), type=field.type, default=field.default, help=_HELP[field.name]
        )
    parser.set_defaults(run=run)


_HELP = {
    "first_byte_ms": "milliseconds until an answer begins (default: %(default)s)",
    "latency_ms": "milliseconds until it is complete (default: %(default)s)",
    "fail_rate": "share of requests that fail, 0 to 1 (default: %(default)s)",
    "fail_status": "HTTP status of failed requests (default: %(default)s)",
    "break_rate": "share of streams that break, 0 to 1 (default: %(default)s)",
    "quality": "share of good answers, 0 to 1; the others are empty, refusals or truncated (default: %(default)s)",
    "words": "words in a good answer (default: %(default)s)",
}


def run(options: argparse.Namespace) -> int:
    """Serve until stopped."""
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
    values: dict[str, object] = {}
    for setting in settings:
        key, _, value = setting.partition("=")
        values[key.strip().replace("-", "_")] = value
    try:
        behaviour = msgspec.convert({**msgspec.structs.asdict(default), **values}, Behaviour, strict=False)
    except msgspec.ValidationError as error:
        raise CommandFailed(f"--model {text}: {error}", 2) from error
    unknown = values.keys() - set(Behaviour.__struct_fields__)
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
