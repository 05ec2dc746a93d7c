"""Options of ``pointsman mock-provider``, and its server process."""

import argparse
import asyncio
import signal

import msgspec
import uvloop

from pointsman.cli.devtools.mock_provider.behaviour import Behaviour
from pointsman.cli.devtools.mock_provider.server import MockProvider, serving
from pointsman.cli.errors import CommandFailed
from pointsman.cli.options import port_number
from pointsman.core.violations import explain

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
    parser.add_argument(
        "--port", type=port_number, metavar="N", default=9100, help="0 selects a free port (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, metavar="N", default=0, help="of all random choices")
    parser.add_argument("--models", default="", help="names, separated by commas; any name by default")
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="NAME,KEY=VALUE…",
        help="one model with its own settings, as small,quality=0.7,latency-ms=80, or small@high,quality=0.9 for one "
        "effort of it; may be given more than once",
    )
    parser.add_argument("--api-key", help="refuse requests without this key")
    for field in msgspec.structs.fields(Behaviour):
        parser.add_argument(
            "--" + field.name.replace("_", "-"),
            type=type(field.default),
            default=field.default,
            help=f"{field.type.__metadata__[-1].description} (default: %(default)s)",
        )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve until stopped."""
    default = _behaviour({name: getattr(options, name) for name in Behaviour.__struct_fields__})
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
    async with serving(provider, host, port) as url:
        print(f"listening at {url}", flush=True)
        await stop.wait()


def _model(text: str, default: Behaviour) -> tuple[str, Behaviour]:
    name, *settings = text.split(",")
    if not name:
        raise CommandFailed(f"--model {text}: expected NAME,KEY=VALUE…", 2)
    pairs = (setting.partition("=") for setting in settings)
    values = {key.strip().replace("-", "_"): value for key, _, value in pairs}
    return name, _behaviour({**msgspec.structs.asdict(default), **values}, f"--model {text}: ")


def _behaviour(values: dict[str, object], option: str = "") -> Behaviour:
    try:
        return msgspec.convert(values, Behaviour, strict=False)
    except msgspec.ValidationError as error:
        raise CommandFailed(f"{option}{explain(error, values, Behaviour)}", 2) from error
