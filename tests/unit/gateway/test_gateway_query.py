from __future__ import annotations

from typing import Literal

import msgspec
import pytest
from starlette.datastructures import QueryParams

from pointsman.contracts.messages.errors import InvalidMessage
from pointsman_gateway.api.parameters import parse_window
from pointsman_gateway.http.request import QueryReader


class Query(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    tier: str
    matrices: bool = False
    limit: int = 50
    format: Literal["json", "html"] = "json"


def read(query: str) -> Query:
    return QueryReader(Query).read(QueryParams(query))


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
    texts = ("true", "1", "False", "0")
    assert [read(f"tier=A&matrices={text}").matrices for text in texts] == [True, True, False, False]


@pytest.mark.parametrize(
    ("query", "field", "detail"),
    [
        ("tier=A&windw=7d", "windw", "unknown parameter; expected one of format, limit, matrices, tier"),
        ("tier=A&tier=B", "tier", "expected once"),
        ("", "tier", "expected this parameter"),
        ("tier=A&matrices=yes", "matrices", "expected true or false, got 'yes'"),
        ("tier=A&format=xml", "format", "expected html or json, got 'xml'"),
        ("tier=A&limit=1e1", "limit", "expected a whole number, got '1e1'"),
        ("tier=A&limit=٧", "limit", "expected a whole number, got '٧'"),
    ],
)
def test_an_invalid_parameter_is_refused_by_name(query: str, field: str, detail: str) -> None:
    with pytest.raises(InvalidMessage) as caught:
        read(query)
    assert (caught.value.field, caught.value.detail) == (field, detail)


def test_a_whole_number_may_have_leading_zeros() -> None:
    assert [read(f"tier=A&limit={text}").limit for text in ("05", "0050", "0", "00")] == [5, 50, 0, 0]


def test_valid_parameters_are_returned_with_defaults_for_the_others() -> None:
    assert read("tier=A&limit=7") == Query(tier="A", limit=7)
