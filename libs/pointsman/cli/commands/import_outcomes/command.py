"""Learn from results that were measured elsewhere: an evaluation, or the past log of a gateway.

The file has one record per line (.jsonl), or columns (.csv, .parquet). Each record has one of

  prompt       text of a user
  messages     a conversation, as in POST /v1/chat/completions; JSON in a CSV
  context      the features; JSON in a CSV

and the result of one model, with the columns arm (provider:model), quality or reward, and if known cost_usd,
latency_ms and propensity; or the results of several models:

  one column per model, named by --arm COLUMN=provider:model: COLUMN is the quality, and COLUMN|cost_usd (or
  COLUMN|total_cost, as in RouterBench) and COLUMN|latency_ms are the others;
  in JSON lines, an object "arms": {"provider:model": {"quality": ..., "cost_usd": ..., "latency_ms": ...}, ...}.

--quality-max is the best possible quality in the file, 1 or 100. Columns with other names are ignored. Every result
counts once, also when the same file is imported again, for example after an interruption. A file that was changed is
another file: import only the new records of one that grew.
"""

import argparse
import asyncio
import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pointsman.cli.commands.import_outcomes.files import FileUnreadable, read_records
from pointsman.cli.commands.import_outcomes.rows import Columns, Result, read_rows
from pointsman.cli.errors import CommandFailed
from pointsman.cli.gateway import GatewayClient, GatewayUnavailable
from pointsman.cli.target import add_target_options, find_target
from pointsman.core.bandit import Arm, ArmError

ROWS_AT_ONCE = 300
TIMEOUT_S = 60.0
WRONG = "422 "
_ROW = re.compile(r"\brows\[(\d{1,4})\]")


class _Refused(Exception):
    """The gateway refused rows of the file."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = __doc__
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("file", metavar="FILE", type=Path, help="the results: .jsonl, .csv or .parquet")
    parser.add_argument("--tier", metavar="T", required=True, help="the tier that learns from them")
    parser.add_argument("--quality-max", metavar="Q", type=float, choices=(1.0, 100.0), help="best quality: 1 or 100")
    parser.add_argument(
        "--arm", metavar="COLUMN=ARM", action="append", default=[], help="the arm of a column or of a model's name"
    )
    parser.add_argument("--dry-run", action="store_true", help="check everything and show what would be learned")
    add_target_options(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    try:
        data = options.file.read_bytes()
    except OSError as error:
        raise CommandFailed(f"{options.file}: {error.strerror or error}", code=2) from error
    arms = dict(map(_arm_option, options.arm))
    scale = 100.0 / options.quality_max if options.quality_max else 1.0
    try:
        results = list(read_rows(read_records(options.file.name, data), Columns(arms, scale)))
    except FileUnreadable as error:
        raise CommandFailed(f"{options.file}: {error}", code=2) from error
    if not results:
        raise CommandFailed(f"{options.file}: no results", code=2)
    rows = [result.row for result in results]
    if options.quality_max is None and any("quality" in row for row in rows):
        largest = max(row.get("quality", 0.0) for row in rows)
        raise CommandFailed(f"--quality-max is required: 1 or 100; the best quality in the file is {largest:g}", code=2)
    target = find_target(options)
    settings = json.dumps([options.arm, scale]).encode()
    source = hashlib.blake2b(settings + data, digest_size=16).hexdigest()
    try:
        extractor = asyncio.run(
            _send(target.gateway_url, target.api_key, options.tier, source, results, options.dry_run)
        )
    except _Refused as error:
        raise CommandFailed(f"{options.file}: {error}") from error
    print(summary(options.tier, rows, extractor, dry_run=options.dry_run))
    return 0


def summary(tier: str, rows: Sequence[dict[str, Any]], extractor: str | None, *, dry_run: bool) -> str:
    """Return what was learned, by arm, as text."""
    results: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        results[f"{row['provider']}:{row['model']}"].append(row)
    verb = "would be" if dry_run else "are"
    lines = [f"{len(rows):,} results of {len(results)} arms {verb} learned from in tier {tier}, each once"]
    lines += [f"contexts are computed from the texts by {extractor}"] if extractor else []
    width = max(map(len, results))
    for arm, found in results.items():
        means = [_mean("quality", found, ""), _mean("reward", found, ""), _mean("cost_usd", found, " USD")]
        lines.append(f"  {arm:{width}}  {len(found):>7,}  {', '.join(filter(None, means))}")
    return "\n".join(lines)


def _mean(name: str, rows: Sequence[dict[str, Any]], unit: str) -> str:
    values = [row[name] for row in rows if name in row]
    label = {"cost_usd": "cost"}.get(name, name)
    return f"mean {label} {sum(values) / len(values):.4g}{unit}" if values else ""


def _arm_option(text: str) -> tuple[str, Arm]:
    column, equals, arm = text.rpartition("=")
    try:
        if not equals or not column:
            raise ArmError("expected COLUMN=provider:model")
        return column, Arm.parse(arm)
    except ArmError as error:
        raise CommandFailed(f"--arm {text}: {error}", code=2) from error


async def _send(
    url: str, key: str | None, tier: str, source: str, results: Sequence[Result], dry_run: bool
) -> str | None:
    """Send all rows, after all were checked by the gateway; return the extractor of the contexts."""
    extractor = None
    try:
        async with GatewayClient(url, TIMEOUT_S, key) as gateway:
            for check in (True,) if dry_run else (True, False):
                for part in _parts(results):
                    rows = [result.row for result in part]
                    body = {"tier": tier, "source": source, "rows": rows, "dry_run": check}
                    answer = await gateway.post("/v1/import", body)
                    if answer.status != 200:
                        raise _Refused(_refusal(answer.problem(), part, sent=not check))
                    extractor = answer.json()["extractor"]
    except (ValueError, GatewayUnavailable) as error:
        raise CommandFailed(f"{error}; results that were sent count once, so the import can be repeated") from error
    return extractor


def _parts(results: Sequence[Result]) -> Iterator[list[Result]]:
    for at in range(0, len(results), ROWS_AT_ONCE):
        yield list(results[at : at + ROWS_AT_ONCE])


def _refusal(problem: str, part: Sequence[Result], *, sent: bool) -> str:
    """Return a problem of the gateway with the places in the file instead of the numbers of the rows."""
    text = _ROW.sub(lambda found: part[int(found[1])].place, problem).removeprefix(WRONG)
    if not _ROW.search(problem):
        text = f"{part[0].place} to {part[-1].place}: {problem}"
    advice = "some may have been learned from, each once: repeat the import" if sent else "nothing was learned"
    return f"{text}; {advice}"
