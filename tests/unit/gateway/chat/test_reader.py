"""Fields and headers of a client's request."""

from __future__ import annotations

from pointsman_gateway.chat.request.reader import read_request

BODY = b'{"model":"auto","messages":[{"role":"user","content":"Hello"}]}'


def test_a_header_that_is_a_list_may_come_in_several_lines() -> None:
    lines = [(b"anthropic-beta", b"a-1"), (b"anthropic-version", b"1"), (b"anthropic-beta", b"b-2,c-3"), (b"x", b"y")]
    request = read_request("anthropic", BODY, {"headers": lines})
    assert request.headers == {"anthropic-beta": "a-1,b-2,c-3", "anthropic-version": "1"}
