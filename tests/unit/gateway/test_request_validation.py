"""What a decision request and an outcome must satisfy: `pointsman.contracts.messages.validation`."""

from __future__ import annotations

import json

import pytest

from pointsman.contracts.messages.codec import decode
from pointsman.contracts.messages.decision import request_decoder
from pointsman.contracts.messages.errors import InvalidMessage
from pointsman.contracts.messages.outcome import report_decoder
from pointsman.contracts.messages.validation import MAX_METADATA_BYTES, check_report, check_request, find_non_finite
from pointsman.core.bandit import Arm, Mismatch

ARMS = (Arm("ollama", "llama3.2"), Arm("openai", "gpt-4o-mini"))
TIERS = {"SIMPLE": ARMS, "OPEN": ()}


def check(body: str, mismatch: Mismatch = "reject") -> tuple[tuple[Arm, ...], list[float]]:
    return check_request(decode(request_decoder, body.encode()), TIERS, 2, mismatch)


def test_candidates_left_out_are_the_tiers_arms() -> None:
    assert check('{"tier":"SIMPLE","context":[1,2]}') == (ARMS, [1.0, 2.0])


def test_candidates_keep_their_order() -> None:
    body = (
        '{"tier":"OPEN","context":[1,2],"candidates":[{"provider":"b","model":"x:y/z"},{"provider":"a","model":"m"}]}'
    )
    assert check(body)[0] == (Arm("b", "x:y/z"), Arm("a", "m"))


def test_a_context_of_another_length_is_padded_or_cut_when_configured_so() -> None:
    assert check('{"tier":"SIMPLE","context":[1]}', "pad")[1] == [1.0, 0.0]
    assert check('{"tier":"SIMPLE","context":[1,2,3]}', "pad")[1] == [1.0, 2.0]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('{"tier":"NOPE","context":[1,2]}', "tier"),
        ('{"tier":7,"context":[1,2]}', "tier"),
        ('{"context":[1,2]}', "tier"),
        ('{"tier":"SIMPLE"}', "context"),
        ('{"tier":"SIMPLE","context":[1]}', "context"),
        ('{"tier":"SIMPLE","context":[]}', "context"),
        ('{"tier":"SIMPLE","context":[1,"2"]}', "context[1]"),
        ('{"tier":"SIMPLE","context":[1,null]}', "context[1]"),
        ('{"tier":"SIMPLE","context":[1,true]}', "context[1]"),
        ('{"tier":"SIMPLE","context":[1,1e999]}', "context[1]"),
        ('{"tier":"SIMPLE","context":[-1e7,1]}', "context[0]"),
        ('{"tier":"SIMPLE","context":[1,2],"candidates":[]}', "candidates"),
        ('{"tier":"OPEN","context":[1,2]}', "candidates"),
        ('{"tier":"SIMPLE","context":[1,2],"candidates":[{"provider":"a"}]}', "candidates[0].model"),
        ('{"tier":"SIMPLE","context":[1,2],"candidates":[{"provider":"a:b","model":"m"}]}', "candidates[0].provider"),
        ('{"tier":"SIMPLE","context":[1,2],"candidates":[{"provider":"a","model":""}]}', "candidates[0].model"),
        ('{"tier":"SIMPLE","context":[1,2],"candidates":[{"provider":"a","model":"m","x":1}]}', "candidates[0].x"),
        ('{"tier":"SIMPLE","context":[1,2],"surprise":1}', "surprise"),
        ('{"tier":"SIMPLE","context":[1,2],"pinned":{"provider":"a"}}', "pinned.model"),
        ('{"tier":"SIMPLE","context":[1,2],"pinned":{"provider":"","model":"m"}}', "pinned.provider"),
        ('{"tier":"SIMPLE","context":[1,2],"switching_cost":-0.1}', "switching_cost"),
        ('{"tier":"SIMPLE","context":[1,2],"switching_cost":1e9}', "switching_cost"),
        ('{"tier":"SIMPLE","context":[1,2],"metadata":[]}', "metadata"),
        ('{"tier":"SIMPLE","context":[1,2],"metadata":{"a":"%s"}}' % ("x" * MAX_METADATA_BYTES), "metadata"),
        ("[]", ""),
    ],
)
def test_a_wrong_request_is_refused_by_the_fields_name(body: str, field: str) -> None:
    with pytest.raises(InvalidMessage) as caught:
        check(body)
    assert caught.value.field == field
    assert caught.value.detail


def with_models(*models: str) -> str:
    candidates = [{"provider": "a", "model": model} for model in models]
    return json.dumps({"tier": "SIMPLE", "context": [1, 2], "candidates": candidates})


def test_a_double_candidate_is_refused_at_its_second_place() -> None:
    with pytest.raises(InvalidMessage) as caught:
        check(with_models("m", "n", "m"))
    assert caught.value.field == "candidates[2]"


def test_more_than_256_candidates_are_refused() -> None:
    models = [f"m{number}" for number in range(257)]
    assert len(check(with_models(*models[:256]))[0]) == 256
    with pytest.raises(InvalidMessage) as caught:
        check(with_models(*models))
    assert caught.value.field == "candidates"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('{"tier":"SIMPLE","context":[1,NaN]}', "context[1]"),
        ('{"tier":"SIMPLE","context":[-Infinity,1]}', "context[0]"),
        ('{"tier":"SIMPLE","context":[1,2],"metadata":{"a":[{"b":Infinity}]}}', "metadata.a[0].b"),
    ],
)
def test_a_nan_or_infinity_is_found_by_its_path(body: str, field: str) -> None:
    found = find_non_finite(body.encode())
    assert found is not None
    assert found.field == field


@pytest.mark.parametrize("body", [b'{"a":1}', b"{", b"\xff", b"[" * 100_000, b'{"a":' + b"9" * 5000 + b"}"])
def test_what_holds_no_nan_is_left_to_the_decoders_error(body: bytes) -> None:
    assert find_non_finite(body) is None


@pytest.mark.parametrize(
    "measured",
    ['"quality":0', '"quality":100', '"cost_usd":0', '"latency_ms":12.5', '"reward":50', '"quality":1,"cost_usd":2'],
)
def test_an_outcome_needs_one_number_in_its_range(measured: str) -> None:
    check_report(decode(report_decoder, f'{{"decision_id":"x",{measured}}}'.encode()))


@pytest.mark.parametrize(
    ("measured", "field"),
    [
        ('"quality":100.1', "quality"),
        ('"quality":-1', "quality"),
        ('"quality":"80"', "quality"),
        ('"cost_usd":-0.01', "cost_usd"),
        ('"cost_usd":1e300', "cost_usd"),
        ('"latency_ms":-1', "latency_ms"),
        ('"reward":101', "reward"),
        ('"reward":50,"quality":50', "reward"),
        ('"quality":null', ""),
        ('"qualty":50', "qualty"),
    ],
)
def test_a_wrong_outcome_is_refused_by_the_fields_name(measured: str, field: str) -> None:
    with pytest.raises(InvalidMessage) as caught:
        check_report(decode(report_decoder, f'{{"decision_id":"x",{measured}}}'.encode()))
    assert caught.value.field == field
