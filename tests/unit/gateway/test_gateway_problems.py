from __future__ import annotations

import pytest

from pointsman.contracts.messages.decision import request_decoder
from pointsman.contracts.messages.errors import InvalidMessage, MalformedId, UnknownVersion
from pointsman.contracts.messages.problem import CONTENT_TYPE, FieldError, problem_decoder
from pointsman.runtime.bus import AppendRefused, BusUnavailable, NoResponders
from pointsman.runtime.store.errors import StoreUnavailable
from pointsman_gateway.http.problems import ProblemError, response_to_error
from pointsman_gateway.http.request import decode_body


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ProblemError(409, "no"), 409),
        (InvalidMessage("tier", "no"), 422),
        (MalformedId("no"), 422),
        (UnknownVersion("no"), 503),
        (BusUnavailable("no"), 503),
        (NoResponders("no"), 503),
        (AppendRefused(10077, "full"), 503),
        (StoreUnavailable("no"), 503),
    ],
)
def test_every_expected_error_has_a_problem_document(error: Exception, status: int) -> None:
    reply = response_to_error(error)
    assert reply is not None
    document = problem_decoder.decode(reply.body)
    assert (reply.status, document.status, reply.content_type) == (status, status, CONTENT_TYPE)
    assert document.title
    assert document.detail
    assert (("retry-after", "1") in reply.headers) == (status == 503)


def test_a_bug_has_no_reply_of_its_own() -> None:
    assert response_to_error(KeyError("x")) is None


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"", 400, ""),
        (b"{", 400, ""),
        (b'{"tier":"\xff","context":[]}', 400, ""),
        (b"[" * 50_000, 422, ""),
        (b'{"tier":"S","context":[1],"metadata":' + b'{"a":' * 5000, 400, ""),
        (b'{"tier":"S","context":[NaN]}', 422, "context[0]"),
        (b'{"tier":"S","context":[1],"x":1}', 422, "x"),
        (b"3", 422, ""),
    ],
)
def test_only_what_is_no_json_is_a_400(body: bytes, status: int, field: str) -> None:
    with pytest.raises(InvalidMessage) as caught:
        decode_body(request_decoder, body)
    reply = response_to_error(caught.value)
    assert reply is not None
    assert reply.status == status
    errors = problem_decoder.decode(reply.body).errors
    assert errors == [FieldError(field=field, detail=caught.value.detail)]
