"""The command ``pointsman tail``: print messages of NATS subjects as they are published."""

import argparse
import asyncio
import re

from pointsman.cli.errors import CommandFailed
from pointsman.cli.stack.errors import ProbeFailed
from pointsman.cli.stack.probes import nats_info
from pointsman.cli.target import add_target_options, find_target
from pointsman.contracts.config.connections import NatsConfig
from pointsman.core.printable import one_line
from pointsman.runtime.bus import Bus, Message

DEFAULT_SUBJECT = "decisions.>"
_SUBJECT = re.compile(r"(?:[^\s.*>]+|\*)(?:\.(?:[^\s.*>]+|\*))*(?:\.>)?|>")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = (
        "Prints every message on a NATS subject, one per line: its subject, a space, its JSON. "
        "Subjects: decisions.<tier>, fallbacks.<tier> (degraded decisions), outcomes.<tier>, rewards.<tier>, "
        "shadow.<policy>.<tier>, arms.<tier>, alerts.<kind>.<tier>, dead.<stream>; * matches one part, > all that "
        "follow."
    )
    parser.add_argument(
        "subject",
        metavar="SUBJECT",
        nargs="?",
        default=DEFAULT_SUBJECT,
        help=f"the subject, in quotes (default: '{DEFAULT_SUBJECT}')",
    )
    parser.add_argument("--count", metavar="N", type=int, help="end after N messages")
    parser.add_argument("--nats", metavar="URL", help="use this NATS server instead of the stack's")
    add_target_options(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    if not _SUBJECT.fullmatch(options.subject):
        raise CommandFailed(f"{options.subject!r} is not a NATS subject; for example 'decisions.>'", code=2)
    if options.count is not None and options.count < 1:
        raise CommandFailed(f"--count: expected at least 1, got {options.count}", code=2)
    server = NatsConfig(url=options.nats) if options.nats else find_target(options).nats
    try:
        asyncio.run(_tail(server, options.subject, options.count))
    except ProbeFailed as error:
        raise CommandFailed(f"NATS does not respond: {error}") from error
    return 0


async def _tail(server: NatsConfig, subject: str, count: int | None) -> None:
    await nats_info(server.urls[0])  # the bus waits without end for a server that is not there
    bus = await Bus.connect(server, "pointsman tail")
    messages: asyncio.Queue[Message] = asyncio.Queue()
    try:
        await bus.subscribe(subject, messages.put)
        printed = 0
        while count is None or printed < count:
            message = await messages.get()
            print(message.subject, one_line(message.data.decode(errors="replace")), flush=True)
            printed += 1
    finally:
        await bus.close()
