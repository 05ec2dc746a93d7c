"""``pointsman tail``: print what is published on NATS subjects, as it happens; `nats sub` without the NATS tools."""

from __future__ import annotations

import argparse
import asyncio
import re
from typing import TYPE_CHECKING

from pointsman.cli.errors import CommandFailed
from pointsman.cli.target import add_target_options, find_target

if TYPE_CHECKING:
    from pointsman.cli.options import Subparsers
    from pointsman.contracts.config.connections import NatsConfig
    from pointsman.runtime.bus import Message

DEFAULT_SUBJECT = "decisions.>"
_SUBJECT = re.compile(r"(?:[^\s.*>]+|\*)(?:\.(?:[^\s.*>]+|\*))*(?:\.>)?|>")


def add_tail(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "tail",
        help="print decisions, rewards, shadow results … as they are published",
        description="Prints every message on a NATS subject, one a line: its subject, a space, its JSON. "
        "Subjects: decisions.<tier>, fallbacks.<tier> (degraded answers), outcomes.<tier>, rewards.<tier>, "
        "shadow.<policy>.<tier>, arms.<tier>, alerts.<kind>.<tier>, dead.<stream>; * stands for one part, > for all "
        "that follow.",
    )
    parser.add_argument(
        "subject",
        metavar="SUBJECT",
        nargs="?",
        default=DEFAULT_SUBJECT,
        help=f"what to listen to, in quotes (default: '{DEFAULT_SUBJECT}')",
    )
    parser.add_argument("--count", metavar="N", type=int, help="end after N messages")
    parser.add_argument("--nats", metavar="URL", help="listen at this NATS server, instead of the stack's")
    add_target_options(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from pointsman.cli.stack import NoAnswer  # noqa: PLC0415  # slow to import
    from pointsman.contracts.config.connections import NatsConfig  # noqa: PLC0415  # slow to import

    if not _SUBJECT.fullmatch(options.subject):
        raise CommandFailed(f"{options.subject!r} is not a NATS subject; for example 'decisions.>'", code=2)
    if options.count is not None and options.count < 1:
        raise CommandFailed(f"--count: expected at least 1, got {options.count}", code=2)
    server = NatsConfig(url=options.nats) if options.nats else find_target(options).nats
    try:
        asyncio.run(_tail(server, options.subject, options.count))
    except NoAnswer as error:
        raise CommandFailed(f"NATS does not answer: {error}") from error
    return 0


async def _tail(server: NatsConfig, subject: str, count: int | None) -> None:
    from pointsman.cli.stack.answers import nats_info  # noqa: PLC0415  # slow to import
    from pointsman.runtime.bus import Bus  # noqa: PLC0415  # slow to import

    await nats_info(server.urls[0])  # the bus would wait for ever for a server that is not there
    bus = await Bus.connect(server, "pointsman tail")
    messages: asyncio.Queue[Message] = asyncio.Queue()
    try:
        await bus.subscribe(subject, messages.put)
        printed = 0
        while count is None or printed < count:
            message = await messages.get()
            print(message.subject, message.data.decode(errors="replace"), flush=True)
            printed += 1
    finally:
        await bus.close()
