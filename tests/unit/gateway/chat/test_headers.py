"""What of a provider's headers goes on to the client."""

from __future__ import annotations

import pytest

from pointsman_gateway.chat.answer.headers import forwardable


@pytest.mark.parametrize("value", ["a\x01b", "caf\xe9", "\udce9", "a\r\nset-cookie: b", "\x7f"])
def test_a_value_that_no_header_can_have_stays_here(value: str) -> None:
    headers = {"x-request-id": value, "x-ratelimit-remaining": "7"}
    assert forwardable(headers) == (("x-ratelimit-remaining", "7"),)
