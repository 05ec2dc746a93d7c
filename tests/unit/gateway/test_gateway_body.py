from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pointsman_gateway.http.problems import ProblemError
from pointsman_gateway.http.request import ClientDisconnected, read_body


class Incoming:
    """The server's side of a request's body: chunks, and how many were asked for."""

    def __init__(self, *chunks: bytes, whole: bool = True) -> None:
        self._messages: Iterator[dict[str, Any]] = iter(
            [
                {"type": "http.request", "body": chunk, "more_body": not whole or at < len(chunks) - 1}
                for at, chunk in enumerate(chunks)
            ]
        )
        self.received = 0

    async def __call__(self) -> dict[str, Any]:
        self.received += 1
        return next(self._messages, {"type": "http.disconnect"})


def scope(length: str | None = None) -> dict[str, Any]:
    return {"headers": [(b"host", b"x")] + ([(b"content-length", length.encode())] if length else [])}


async def test_a_body_in_pieces_is_put_together() -> None:
    assert await read_body(scope(), Incoming(b"ab", b"", b"cd"), 4) == b"abcd"


async def test_a_body_of_exactly_the_limit_is_read() -> None:
    assert await read_body(scope("4"), Incoming(b"abcd"), 4) == b"abcd"


@pytest.mark.parametrize("length", ["5", "99999999999999999999", "-1", "x"])
async def test_a_declared_length_over_the_limit_is_refused_unread(length: str) -> None:
    incoming = Incoming(b"abcd")
    with pytest.raises(ProblemError) as caught:
        await read_body(scope(length), incoming, 4)
    assert caught.value.status == 413
    assert incoming.received == 0


async def test_a_body_without_a_length_is_counted_and_not_read_to_its_end() -> None:
    incoming = Incoming(b"ab", b"cd", b"ef", b"gh", b"ij")
    with pytest.raises(ProblemError) as caught:
        await read_body(scope(), incoming, 4)
    assert caught.value.status == 413
    assert incoming.received == 3


async def test_a_client_that_hangs_up_has_no_body() -> None:
    with pytest.raises(ClientDisconnected):
        await read_body(scope(), Incoming(b"ab", whole=False), 4)
