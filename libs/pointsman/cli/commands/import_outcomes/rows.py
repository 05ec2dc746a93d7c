"""Results of models from the records of a file."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from pointsman.cli.commands.import_outcomes.files import FileUnreadable, Record
from pointsman.core.bandit import Arm, ArmError

INPUTS = ("prompt", "messages", "context")
NUMBERS = ("quality", "cost_usd", "latency_ms", "reward", "propensity")
PER_ARM = ("cost_usd", "latency_ms")
TOTAL_COST = "total_cost"
"""Name of the cost in tables of RouterBench: ``<model>|total_cost``."""


class Columns(NamedTuple):
    """How to read a file.

    Attributes
    ----------
    arms: The arm of each column or name of a model; empty when each record names its arm.
    scale: What a quality is multiplied by to be 0 to 100.
    """

    arms: Mapping[str, Arm]
    scale: float


class Result(NamedTuple):
    """A row of ``POST /v1/import``, and its place in the file, such as ``line 3``."""

    place: str
    row: dict[str, Any]


def read_rows(records: Iterable[tuple[str, Record]], columns: Columns) -> Iterator[Result]:
    """Yield the results of a file, numbered in order.

    Raise `FileUnreadable` with the place and the column of the first wrong value.
    """
    number = 0
    for place, record in records:
        if record.get("learn") in (False, "false"):  # an exported outcome that is no evidence about an arm
            continue
        try:
            for row in _results(record, columns):
                yield Result(place, {"row": number, **row})
                number += 1
        except ValueError as error:
            raise FileUnreadable(f"{place}: {error}") from error


def _results(record: Record, columns: Columns) -> Iterator[dict[str, Any]]:
    """Yield the result of each arm of a record: of the one it names, or of each in ``arms`` or in a column."""
    shared = _input(record)
    nested = record.get("arms")
    if isinstance(nested, dict):
        for name, result in nested.items():
            if not isinstance(result, dict):
                raise ValueError(f"arms.{name}: expected an object with quality, cost_usd or latency_ms")
            yield {**shared, **_arm(name, columns), **_numbers(result, columns, f"arms.{name}.")}
    elif columns.arms:
        results = [(name, _column(record, name)) for name in columns.arms]
        if not any(result for _, result in results):
            raise ValueError(f"none of the columns {', '.join(columns.arms)} has a value")
        for name, result in results:
            if result:
                yield {**shared, **_arm(name, columns), **_numbers(result, columns, f"{name}: ")}
    else:
        yield {**shared, **_named_arm(record), **_numbers(record, columns, "")}


def _column(record: Record, name: str) -> Record:
    """Return the values of an arm's columns: ``<name>`` is the quality, ``<name>|cost_usd`` the cost."""
    found = {"quality": record.get(name)} | {part: record.get(f"{name}|{part}") for part in PER_ARM}
    found["cost_usd"] = record.get(f"{name}|{TOTAL_COST}") if found["cost_usd"] is None else found["cost_usd"]
    return {part: value for part, value in found.items() if value is not None}


def _input(record: Record) -> dict[str, Any]:
    given = [name for name in INPUTS if record.get(name) is not None]
    if len(given) != 1:
        raise ValueError(f"expected one of the columns {', '.join(INPUTS)}, got {', '.join(given) or 'none'}")
    name, value = given[0], record[given[0]]
    if isinstance(value, str) and name != "prompt":  # a CSV has JSON in a field
        try:
            value = json.loads(value)
        except ValueError as error:
            raise ValueError(f"{name}: expected JSON: {error}") from error
    if name == "prompt" and not isinstance(value, str):
        raise ValueError("prompt: expected text")
    return {name: value}


def _named_arm(record: Record) -> dict[str, str]:
    if "arm" in record:
        return _parts(str(record["arm"]), "arm")
    if "provider" in record and "model" in record:
        return {"provider": str(record["provider"]), "model": str(record["model"])}
    raise ValueError("expected the column arm (provider:model), or --arm COLUMN=provider:model for a column per model")


def _arm(name: str, columns: Columns) -> dict[str, str]:
    arm = columns.arms.get(name)
    return _parts(name, f"arms.{name}") if arm is None else {"provider": arm.provider, "model": arm.model}


def _parts(text: str, field: str) -> dict[str, str]:
    try:
        arm = Arm.parse(text)
    except ArmError as error:
        raise ValueError(f"{field}: {error}") from error
    return {"provider": arm.provider, "model": arm.model}


def _numbers(record: Record, columns: Columns, prefix: str) -> dict[str, float]:
    numbers: dict[str, float] = {}
    for name in NUMBERS:
        value = record.get(name)
        if value is None:
            continue
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise ValueError(f"{prefix}{name}: expected a number, got {str(value)[:40]!r}") from None
        number *= columns.scale if name == "quality" else 1.0
        if not math.isfinite(number) or number < 0.0:
            raise ValueError(f"{prefix}{name}: expected a finite number of at least 0, got {value}")
        if name in ("quality", "reward") and number > 100.0:
            largest = 100.0 / columns.scale if name == "quality" else 100.0
            raise ValueError(f"{prefix}{name}: expected at most {largest:g}, got {value}; see --quality-max")
        numbers[name] = number
    exported = "decision_id" in record  # an outcome may have been counted without a quality
    if not numbers.keys() & {"quality", "reward"} and not (exported and numbers.keys() & set(PER_ARM)):
        raise ValueError(f"{prefix}quality: missing, and so is reward")
    return numbers
