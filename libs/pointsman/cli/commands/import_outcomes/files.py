"""Records of a file: JSON lines, CSV or Parquet, by the ending of its name."""

import csv
import importlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

Record = dict[str, Any]
FORMATS = (".jsonl", ".csv", ".parquet")


class FileUnreadable(Exception):
    """The file is not of the format that its name ends with."""


def read_records(name: str, data: bytes) -> Iterator[tuple[str, Record]]:
    """Yield each record with its place in the file, such as ``line 3``. An empty field of a CSV is left out.

    Raise `FileUnreadable` for a file that cannot be read.
    """
    match Path(name).suffix.lower():
        case ".jsonl" | ".ndjson":
            yield from _json_lines(data)
        case ".csv":
            yield from _csv(data)
        case ".parquet":
            yield from _parquet(data)
        case other:
            raise FileUnreadable(f"expected a name that ends with {', '.join(FORMATS)}, got {other or 'no ending'!r}")


def _json_lines(data: bytes) -> Iterator[tuple[str, Record]]:
    decoder = msgspec.json.Decoder(Record)
    for number, line in enumerate(data.splitlines(), 1):
        if not line.strip():
            continue
        try:
            yield f"line {number}", decoder.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise FileUnreadable(f"line {number}: {error}") from error


def _csv(data: bytes) -> Iterator[tuple[str, Record]]:
    try:
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        for record in reader:
            if None in record or None in record.values():
                raise FileUnreadable(f"line {reader.line_num}: expected as many fields as the header has")
            yield f"line {reader.line_num}", {name: value for name, value in record.items() if value != ""}
    except (csv.Error, UnicodeDecodeError) as error:
        raise FileUnreadable(str(error)) from error


def _parquet(data: bytes) -> Iterator[tuple[str, Record]]:
    try:
        parquet, arrow = importlib.import_module("pyarrow.parquet"), importlib.import_module("pyarrow")
    except ImportError as error:
        raise FileUnreadable("install the extra for Parquet: pip install 'pointsman[parquet]'") from error
    number = 0
    try:
        for batch in parquet.ParquetFile(arrow.BufferReader(data)).iter_batches():
            for record in batch.to_pylist():
                number += 1
                yield f"row {number}", {name: value for name, value in record.items() if value is not None}
    except arrow.ArrowException as error:
        raise FileUnreadable(str(error)) from error
