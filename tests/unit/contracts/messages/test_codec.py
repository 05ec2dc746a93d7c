"""Decoding: an error names the field that is wrong."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from pointsman.contracts.messages.codec import decode, encode
from pointsman.contracts.messages.decision import Candidate, DecisionRequest, event_decoder, request_decoder, with_id
from pointsman.contracts.messages.errors import InvalidMessage, MessageError, UnknownVersion
from pointsman.contracts.messages.notices import ArmsChanged, arms_decoder
from pointsman.contracts.messages.outcome import outcome_decoder, report_decoder


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"context": [1.0]}, "tier"),
        ({"tier": "A"}, "context"),
        ({"tier": 3, "context": [1.0]}, "tier"),
        ({"tier": "A", "context": "x"}, "context"),
        ({"tier": "A", "context": [1.0, "x"]}, "context[1]"),
        ({"tier": "A", "context": [1.0, None]}, "context[1]"),
        ({"tier": "A", "context": [1.0], "candidates": [{"provider": "p"}]}, "candidates[0].model"),
        ({"tier": "A", "context": [1.0], "candidates": [{"provider": "p", "model": 1}]}, "candidates[0].model"),
        (
            {"tier": "A", "context": [1.0], "candidates": [{"provider": "p", "model": "m", "price": 1}]},
            "candidates[0].price",
        ),
        ({"tier": "A", "context": [1.0], "metadata": [1]}, "metadata"),
        ({"tier": "A", "context": [1.0], "temperature": 1}, "temperature"),
        ([], ""),
    ],
)
def test_the_wrong_field_is_named_by_its_path(body: Any, field: str) -> None:
    with pytest.raises(InvalidMessage) as caught:
        decode(request_decoder, json.dumps(body).encode())
    assert caught.value.field == field
    assert caught.value.detail
    assert str(caught.value) == (f"{field}: {caught.value.detail}" if field else caught.value.detail)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b'{"tier":"A","context":[1.0,NaN]}',
        b'{"tier":"A","context":[1e999]}',
        b'{"tier":"\xff","context":[1.0]}',
        b'{"tier":"A","context":[1.0]} {}',
        b'{"tier":"A","context":[1.0],"metadata":{"a":' + b"[" * 20_000,
    ],
)
def test_what_is_no_json_is_invalid(data: bytes) -> None:
    with pytest.raises(InvalidMessage):
        decode(request_decoder, data)


def test_a_request_comes_back_from_its_json() -> None:
    request = DecisionRequest(
        tier="A", context=[1.0, -0.0], candidates=[Candidate(provider="p", model="m/1.5:free")], metadata={"k": [1]}
    )
    assert decode(request_decoder, encode(request)) == request


def test_the_version_is_absent_while_it_is_the_first() -> None:
    message = ArmsChanged(tier="A", epoch="e", watermark=1, as_of_ms=2)
    assert b'"v"' not in encode(message)
    assert decode(arms_decoder, encode(message)).v == 1


def test_a_newer_version_is_not_guessed_at() -> None:
    with pytest.raises(UnknownVersion, match="version 2 is newer than 1"):
        decode(arms_decoder, encode(ArmsChanged(v=2, tier="A", epoch="e", watermark=1, as_of_ms=2)))


def test_a_raised_version_is_written_and_refused_by_the_code_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    message = ArmsChanged(tier="A", epoch="e", watermark=1, as_of_ms=2)
    first = encode(message)
    monkeypatch.setattr(ArmsChanged, "version", 2)
    raised = encode(message)
    assert raised.startswith(b'{"v":2,')
    assert decode(arms_decoder, raised).v == 2
    assert decode(arms_decoder, first).v == 1  # what was written before stays readable
    monkeypatch.undo()
    with pytest.raises(UnknownVersion, match="version 2 is newer than 1"):
        decode(arms_decoder, raised)


def test_a_newer_version_that_does_not_fit_the_type_is_newer_and_not_invalid() -> None:
    with pytest.raises(UnknownVersion, match="version 2 is newer than 1"):
        decode(arms_decoder, b'{"v":2,"tier":["A"]}')


def test_a_version_that_is_none_is_invalid_so_that_no_reader_waits_for_it() -> None:
    with pytest.raises(InvalidMessage, match="v: expected at most 1000"):
        decode(arms_decoder, encode(ArmsChanged(v=10**9, tier="A", epoch="e", watermark=1, as_of_ms=2)))


def test_every_error_is_a_message_error() -> None:
    decoders: tuple[msgspec.json.Decoder[Any], ...] = (request_decoder, event_decoder, outcome_decoder, report_decoder)
    for decoder in decoders:
        with pytest.raises(MessageError):
            decode(decoder, b"{}")


def test_the_id_is_put_in_first_without_decoding() -> None:
    assert with_id(b'{"nonce":"n"}', "A.1.n") == b'{"decision_id":"A.1.n","nonce":"n"}'
