"""Messages as they were once written: every decoder reads them still, and reads what comes later as agreed."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

import pointsman.contracts.messages
from pointsman.contracts.messages.codec import Message, decode, encode
from pointsman.contracts.messages.decision import (
    Decision,
    DecisionEvent,
    DecisionRecord,
    decision_decoder,
    encode_decision,
    event_decoder,
    with_id,
)
from pointsman.contracts.messages.errors import InvalidMessage, UnknownVersion
from pointsman.contracts.messages.outcome import outcome_decoder
from pointsman.core.bandit import RewardRule, RewardSettings
from tests.support.message_examples import EXAMPLES, GOLDEN, Example

ANSWERS = {"Decision", "FeedbackAccepted", "ImportAccepted", "OutcomeAccepted", "Problem"}
"""Neither written to a log nor taken from outside: read by clients."""


def _structs(value: Any) -> Iterator[type[msgspec.Struct]]:
    """Return the types of a message and of everything in it."""
    if isinstance(value, msgspec.Struct):
        yield type(value)
        for name in value.__struct_fields__:
            yield from _structs(getattr(value, name))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _structs(item)


REQUESTS = (
    "DecisionRequest",
    "FeedbackReport",
    "ImportRequest",
    "OutcomeReport",
    "PolicyChange",
    "PromotionRequest",
    "RevertRequest",
    "ScoreRequest",
)
FREE = ("parameters", "metadata", "detail", "evidence", "messages")
"""Fields that hold an object of whatever fields."""


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Return every JSON object that stands for a struct; those in `FREE` are anyone's."""
    if isinstance(value, dict):
        yield value
        for name, part in value.items():
            if name not in FREE:
                yield from _objects(part)
    elif isinstance(value, list):
        for part in value:
            yield from _objects(part)


def _holds(written: Any, golden: Any) -> bool:
    """Return whether everything in the golden file is still written, with the same value."""
    if isinstance(golden, dict):
        return isinstance(written, dict) and all(
            name in written and _holds(written[name], part) for name, part in golden.items()
        )
    if isinstance(golden, list):
        return len(written) == len(golden) and all(map(_holds, written, golden))
    return type(written) is type(golden) and bool(written == golden)


def _from_outside(example: Example) -> bool:
    return type(example.message).__name__ in REQUESTS


def _golden(name: str) -> bytes:
    return (GOLDEN / f"{name}.json").read_bytes()


def test_every_struct_of_the_contracts_has_an_example() -> None:
    found: set[type] = set()
    for module in pkgutil.iter_modules(pointsman.contracts.messages.__path__, "pointsman.contracts.messages."):
        names = vars(importlib.import_module(module.name)).values()
        found |= {value for value in names if isinstance(value, type) and issubclass(value, msgspec.Struct)}
    shown = {struct for example in EXAMPLES.values() for struct in _structs(example.message)}
    # A base, the configured part of a rule, and what `DecisionEvent` reads.
    assert found - shown == {Message, RewardSettings, DecisionRecord}


def test_every_golden_file_has_its_example() -> None:
    assert {file.stem for file in GOLDEN.glob("*.json")} == EXAMPLES.keys()


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_was_once_written_is_read_as_the_same(name: str) -> None:
    example = EXAMPLES[name]
    assert decode(example.decoder, _golden(name)) == example.message


@pytest.mark.parametrize("name", EXAMPLES)
def test_everything_that_was_once_written_is_written_still(name: str) -> None:
    assert _holds(json.loads(encode(EXAMPLES[name].message)), json.loads(_golden(name)))


@pytest.mark.parametrize("name", [name for name, example in EXAMPLES.items() if not _from_outside(example)])
def test_a_field_that_comes_later_is_skipped_wherever_it_is(name: str) -> None:
    example = EXAMPLES[name]
    later = json.loads(_golden(name))
    for part in list(_objects(later)):
        part["of_a_later_version"] = {"nested": [1, None, "x"]}
    assert decode(example.decoder, json.dumps(later).encode()) == example.message


@pytest.mark.parametrize("name", [name for name, example in EXAMPLES.items() if _from_outside(example)])
def test_an_unknown_field_of_a_request_is_an_error_wherever_it_is(name: str) -> None:
    example = EXAMPLES[name]
    for at in range(len(list(_objects(json.loads(_golden(name)))))):
        mistyped = json.loads(_golden(name))
        list(_objects(mistyped))[at]["mistyped"] = 1
        with pytest.raises(InvalidMessage, match="mistyped") as caught:
            decode(example.decoder, json.dumps(mistyped).encode())
        assert caught.value.field.endswith("mistyped")


@pytest.mark.parametrize("name", [name for name, example in EXAMPLES.items() if isinstance(example.message, Message)])
def test_a_message_of_a_newer_version_is_refused(name: str) -> None:
    message = EXAMPLES[name].message
    assert isinstance(message, Message)
    known = message.version
    newer = {**json.loads(_golden(name)), "v": known + 1}
    with pytest.raises(UnknownVersion, match=f"version {known + 1} is newer than {known}"):
        decode(EXAMPLES[name].decoder, json.dumps(newer).encode())


def test_everything_that_is_kept_has_a_version() -> None:
    unversioned = {
        type(example.message).__name__
        for example in EXAMPLES.values()
        if not isinstance(example.message, Message) and not _from_outside(example)
    }
    assert unversioned == ANSWERS


def test_what_an_outcome_leaves_out_means_for_ever_what_it_meant_when_it_was_written() -> None:
    """Fields that have their default are not written, so a default is part of every log there is."""
    outcome = decode(EXAMPLES["outcome.reward"].decoder, _golden("outcome.reward"))
    assert msgspec.to_builtins(outcome.rule) == {}
    assert (outcome.rule.lambda_cost, outcome.rule.mu_latency, outcome.rule.normalizer) == (0.3, 0.1, "minmax")
    assert (outcome.rule.cost_bounds_usd, outcome.rule.latency_bounds_ms) == ((0.0, 0.1), (0.0, 10_000.0))
    assert outcome.learn is True
    assert outcome.v == 1


def test_an_outcome_that_an_older_version_could_not_learn_from_has_a_version_that_it_waits_for() -> None:
    outcome = decode(EXAMPLES["outcome"].decoder, _golden("outcome"))
    robust = msgspec.structs.replace(outcome, rule=RewardRule(normalizer="quantile"))
    assert _holds(json.loads(encode(robust)), {"v": 2, "rule": {"normalizer": "quantile"}})
    assert decode(outcome_decoder, encode(robust)).rule == robust.rule


@pytest.mark.parametrize("name", ["decision_event", "decision_event.least"])
def test_what_a_replica_writes_of_a_decision_is_read_as_event_and_as_answer(name: str) -> None:
    event = EXAMPLES[name].message
    assert isinstance(event, DecisionEvent)
    fields = msgspec.structs.asdict(event)
    record = DecisionRecord(**{field: fields[field] for field in DecisionRecord.__struct_fields__})
    of_answer = {field: fields[field] for field in Decision.__struct_fields__ if field in fields}
    decision = Decision(**{**of_answer, "decision_id": "", "degraded": False})
    in_log, answer = encode_decision(decision, record)
    assert decode(event_decoder, in_log) == msgspec.structs.replace(event, decision_id="")
    assert decode(event_decoder, with_id(in_log, "A.1.n")) == msgspec.structs.replace(event, decision_id="A.1.n")
    assert decode(decision_decoder, with_id(answer, "A.1.n")) == msgspec.structs.replace(decision, decision_id="A.1.n")
