"""Write decisions, outcomes, rewards or shadow results to a file, from the logs.

In JSON lines, each line is a message as the services exchange it, with its sequence in the log and the time at which
the log stored it (at_ms, Unix milliseconds). In CSV and Parquet, each field of the message is a column; lists and
objects are JSON text. All fields: docs/reference/subjects.md. Exported outcomes can be imported (--quality-max 100).

Only streams are read, so the NATS user `reader` is enough: --nats "$(cat data/reader.url)".
"""

import argparse
import asyncio
import csv
import importlib
import json
import re
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol, TextIO

import msgspec

from pointsman.cli.errors import CommandFailed
from pointsman.cli.stack.errors import ProbeFailed
from pointsman.cli.stack.probes import nats_info
from pointsman.cli.target import add_target_options, find_target
from pointsman.contracts.config.connections import NatsConfig
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.decision import Decision, DecisionEvent
from pointsman.contracts.messages.ids import DecisionId
from pointsman.contracts.messages.notices import ShadowDecision
from pointsman.contracts.messages.outcome import Outcome, RewardEvent
from pointsman.runtime.bus import Bus, BusError, BusUnavailable, LogReader, StoredMessage

READ_TIMEOUT_S = 5.0
ROWS_AT_ONCE = 10_000
STDOUT = "-"
_POSITION = ("sequence", "at_ms")
_AGO = re.compile(r"(\d+)([dhm])")
_UNIT_S = {"d": 86_400, "h": 3600, "m": 60}


class _Log(NamedTuple):
    """A stream: its name, the subjects of a tier, and the types with the fields of its messages."""

    stream: str
    subject: Callable[[str], str]
    messages: tuple[type[msgspec.Struct], ...]


LOGS = {
    "decisions": _Log(subjects.DECISIONS, subjects.decision_log, (DecisionEvent, Decision)),
    "outcomes": _Log(subjects.OUTCOMES, subjects.outcomes, (Outcome,)),
    "rewards": _Log(subjects.REWARDS, subjects.rewards, (RewardEvent,)),
    "shadow": _Log(subjects.SHADOW, lambda tier: subjects.shadow("*", tier), (ShadowDecision,)),
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = __doc__
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("log", choices=LOGS, help="what to write")
    parser.add_argument("file", metavar="FILE", help=".jsonl, .csv or .parquet; - writes JSON lines to standard output")
    parser.add_argument("--tier", metavar="T", default="*", help="only this tier (default: all)")
    parser.add_argument("--since", metavar="TIME", help="from this time on: 7d, 12h, 30m ago, or 2026-11-30T08:00:00Z")
    parser.add_argument("--until", metavar="TIME", help="before this time")
    parser.add_argument("--nats", metavar="URL", help="use this NATS server instead of the stack's")
    add_target_options(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    since_ms, until_ms = _time_option(options, "since"), _time_option(options, "until")
    server = NatsConfig(url=options.nats) if options.nats else find_target(options).nats
    log = LOGS[options.log]
    fields = (field.encode_name for message in log.messages for field in msgspec.structs.fields(message))
    columns = list(dict.fromkeys((*_POSITION, *fields)))
    with ExitStack() as stack:
        try:
            writer = _writer(options.file, columns, stack)
            count = asyncio.run(_export(server, log, options.tier, since_ms, until_ms, writer))
        except BrokenPipeError:
            raise
        except OSError as error:
            raise CommandFailed(f"{options.file}: {error.strerror or error}", code=2) from error
        except (ProbeFailed, BusError) as error:
            raise CommandFailed(f"the log cannot be read: {error}") from error
    print(f"{count:,} {options.log} written", file=sys.stderr)
    return 0


def _time_option(options: argparse.Namespace, name: str) -> int | None:
    text = getattr(options, name)
    if text is None:
        return None
    ago = _AGO.fullmatch(text)
    if ago:
        return int((time.time() - int(ago[1]) * _UNIT_S[ago[2]]) * 1000)
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        expected = "a time such as 7d or 2026-11-30T08:00:00Z"
        raise CommandFailed(f"--{name}: expected {expected}, got {text!r}", code=2) from error
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


async def _export(
    server: NatsConfig, log: _Log, tier: str, since_ms: int | None, until_ms: int | None, writer: "_Writer"
) -> int:
    await nats_info(server.urls[0])  # the bus waits without end for a server that is not there
    bus = await Bus.connect(server, "pointsman export")
    count = 0
    try:
        async for rows in _records(bus, log, tier, since_ms, until_ms):
            writer.write(rows)
            count += len(rows)
    finally:
        await bus.close()
    return count


async def _records(
    bus: Bus, log: _Log, tier: str, since_ms: int | None, until_ms: int | None
) -> AsyncIterator[list[dict[str, Any]]]:
    """Yield the messages that the log has now, in order."""
    reader = LogReader(bus, log.stream, log.subject(tier), since_ms=since_ms)
    last = (await bus.info(log.stream)).state.last_seq
    try:
        await reader.next_batch(wait_s=0.0)  # only to learn how many messages there are
        at = 0
        while at < last and not reader.idle:
            batch = await reader.next_batch(wait_s=READ_TIMEOUT_S)
            if not batch:
                raise BusUnavailable(f"no message of {log.stream} arrived for {READ_TIMEOUT_S:g} s")
            at = batch[-1].sequence
            wanted = [m for m in batch if m.sequence <= last and (until_ms is None or m.at_ms < until_ms)]
            yield [_record(message) for message in wanted]
            if len(wanted) < len(batch):
                return
    finally:
        await reader.close()


def _record(message: StoredMessage) -> dict[str, Any]:
    try:
        fields: dict[str, Any] = msgspec.json.decode(message.data, type=dict[str, Any])
    except msgspec.MsgspecError:
        fields = {"unreadable": message.data.decode(errors="replace")}
    if "nonce" in fields and "decision_id" not in fields:  # the log of decisions has the sequence instead
        fields["decision_id"] = str(DecisionId(subjects.parse_tier(message.subject), message.sequence, fields["nonce"]))
    return {"sequence": message.sequence, "at_ms": message.at_ms, **fields}


class _Writer(Protocol):
    """Writes rows to a file."""

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write rows."""


class _JsonLines:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._file.writelines(msgspec.json.encode(row) + b"\n" for row in rows)
        self._file.flush()


class _Csv:
    def __init__(self, file: TextIO, columns: Sequence[str]) -> None:
        self._writer = csv.DictWriter(file, columns, extrasaction="ignore")
        self._writer.writeheader()

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._writer.writerows(map(_flat, rows))


class _Parquet:
    """Columns of text, except those of the position: their types do not depend on the first rows."""

    def __init__(self, path: str, columns: Sequence[str], stack: ExitStack) -> None:
        try:
            self._arrow = importlib.import_module("pyarrow")
            parquet = importlib.import_module("pyarrow.parquet")
        except ImportError as error:
            raise CommandFailed("install the extra for Parquet: pip install 'pointsman[parquet]'") from error
        integer, text = self._arrow.int64(), self._arrow.string()
        types = [(name, integer if name in _POSITION else text) for name in columns]
        self._schema = self._arrow.schema(types)
        self._file = stack.enter_context(parquet.ParquetWriter(path, self._schema))

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        texts = [
            {name: value if name in _POSITION or value is None else str(value) for name, value in _flat(row).items()}
            for row in rows
        ]
        self._file.write_table(self._arrow.Table.from_pylist(texts, schema=self._schema))


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: json.dumps(value) if isinstance(value, list | dict | bool) else value for name, value in row.items()}


def _writer(name: str, columns: Sequence[str], stack: ExitStack) -> _Writer:
    match Path(name).suffix.lower():
        case _ if name == STDOUT:
            return _JsonLines(sys.stdout.buffer)
        case ".jsonl" | ".ndjson":
            return _JsonLines(stack.enter_context(Path(name).open("wb")))
        case ".csv":
            return _Csv(stack.enter_context(Path(name).open("w", encoding="utf-8", newline="")), columns)
        case ".parquet":
            return _Parquet(name, columns, stack)
        case other:
            expected = "a name that ends with .jsonl, .csv or .parquet"
            raise CommandFailed(f"{name}: expected {expected}, got {other or 'no ending'!r}", code=2)
