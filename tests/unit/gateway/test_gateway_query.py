from __future__ import annotations

import pytest
from starlette.requests import Request

from pointsman.contracts.messages.errors import InvalidMessage
from pointsman_gateway.http.query import parse_flag, parse_window, read_query


def request(query: str) -> Request:
    return Request({"type": "http", "method": "GET", "path": "/", "query_string": query.encode(), "headers": []})


@pytest.mark.parametrize(
    ("text", "hours"), [("7d", 168), ("24h", 24), ("1h", 1), ("30m", 1), ("61m", 2), ("120m", 2), ("90d", 2160)]
)
def test_a_window_is_whole_hours(text: str, hours: int) -> None:
    assert parse_window(text) == hours


@pytest.mark.parametrize("text", ["", "7", "d", "7w", "-1d", "0d", "0m", "91d", "1.5h", "7d ", "٧d", "9999999d"])
def test_any_other_window_is_refused(text: str) -> None:
    with pytest.raises(InvalidMessage) as caught:
        parse_window(text)
    assert caught.value.field == "window"


def test_a_flag_is_true_or_false() -> None:
    assert [parse_flag(text, "f") for text in ("true", "1", "False", "0")] == [True, True, False, False]
    with pytest.raises(InvalidMessage) as caught:
        parse_flag("yes", "matrices")
    assert caught.value.field == "matrices"


@pytest.mark.parametrize(("query", "field"), [("windw=7d", "windw"), ("tier=A&tier=B", "tier")])
def test_an_unknown_or_double_parameter_is_refused_by_name(query: str, field: str) -> None:
    with pytest.raises(InvalidMessage) as caught:
        read_query(request(query), frozenset({"tier"}))
    assert caught.value.field == field


def test_known_parameters_are_returned() -> None:
    assert read_query(request("tier=A"), frozenset({"tier", "window"})) == {"tier": "A"}
