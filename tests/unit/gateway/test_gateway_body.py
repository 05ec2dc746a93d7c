from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pointsman_gateway.http.body_memory import FREE_BYTES, MAX_VALUES, BodyMemory, BoundedBodies
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


MB = 1_000_000


async def test_bodies_in_flight_are_bounded_before_they_are_read_and_while_they_arrive() -> None:
    memory = BodyMemory(limit_mb=10)
    first, by_length, by_count = scope(str(MB)), scope(str(2 * MB)), scope()
    reservation = memory.open(first)
    memory.open(by_length)
    memory.open(by_count)
    await read_body(first, Incoming(b"x" * MB), 9 * MB)
    unread, arriving = Incoming(b"x" * 2 * MB), Incoming(*[b"x" * MB] * 4)
    for refused, incoming, received in ((by_length, unread, 0), (by_count, arriving, 2)):
        with pytest.raises(ProblemError) as caught:
            await read_body(refused, incoming, 9 * MB)
        assert (caught.value.status, dict(caught.value.headers)["retry-after"]) == (503, "1")
        assert incoming.received == received
    reservation.close()


async def test_what_a_request_reserved_is_free_when_it_has_ended() -> None:
    memory = BodyMemory(limit_mb=10)
    for _ in range(3):
        request = scope(str(2 * MB))
        reservation = memory.open(request)
        assert len(await read_body(request, Incoming(b"x" * MB, b"x" * MB), 9 * MB)) == 2 * MB
        reservation.close()


async def test_a_single_request_and_short_bodies_are_admitted_whatever_the_bound_is() -> None:
    memory = BodyMemory(limit_mb=1)
    alone, short = scope(str(2 * MB)), scope(str(FREE_BYTES))
    memory.open(alone)
    memory.open(short)
    await read_body(alone, Incoming(b"x" * 2 * MB), 9 * MB)
    await read_body(short, Incoming(b"x" * FREE_BYTES), 9 * MB)


async def test_many_small_values_count_as_what_they_take_when_decoded() -> None:
    memory = BodyMemory(limit_mb=40)
    other, values = scope(str(MB)), scope(str(MB))
    memory.open(other)
    memory.open(values)
    await read_body(other, Incoming(b"x" * MB), 9 * MB)
    with pytest.raises(ProblemError):
        await read_body(values, Incoming(b"{},", b"{}," * (MB // 3 - 1)), 9 * MB)


@pytest.mark.parametrize("pieces", [1, 2])
async def test_a_body_of_many_small_values_is_counted_with_the_objects_that_are_made_of_it(pieces: int) -> None:
    memory = BodyMemory(limit_mb=10)
    first, second = scope(str(FREE_BYTES + 1)), scope()
    memory.open(first)
    memory.open(second)
    await read_body(first, Incoming(b"x" * (FREE_BYTES + 1)), MB)
    body = b"[" + b"0," * 100_000 + b"0]"
    at = len(body) // pieces
    with pytest.raises(ProblemError) as caught:
        await read_body(second, Incoming(body[:at], *([body[at:]] if pieces > 1 else [])), MB)
    assert caught.value.status == 503


@pytest.mark.parametrize("value", [b"0", b"{}", b"[]"])
async def test_a_body_with_more_values_than_are_decoded_in_a_moment_is_refused(value: bytes) -> None:
    body = b"[" + (value + b",") * MAX_VALUES + value + b"]"
    with pytest.raises(ProblemError) as caught:
        await read_body(scope(), Incoming(body), 9 * MB)
    assert caught.value.status == 413


async def test_a_long_text_with_many_commas_is_read() -> None:
    body = b'{"text": "' + b"one, two, " * (MAX_VALUES // 3) + b'"}'
    assert await read_body(scope(), Incoming(body), 9 * MB) == body


@pytest.mark.parametrize("error", [None, ProblemError(400, "no"), ClientDisconnected()])
async def test_the_memory_of_a_body_is_returned_however_its_request_ends(error: Exception | None) -> None:
    memory = BodyMemory(limit_mb=1)
    inside: list[bytes] = []

    async def application(called: Any, receive: Any, _: Any) -> None:
        inside.append(await read_body(called, receive, 9 * MB))
        if error is not None:
            raise error

    async def send(_: Any) -> None:
        raise AssertionError("the application sends nothing")

    bounded = BoundedBodies(application, memory)
    for _ in range(3):  # each takes more than half of the memory
        try:
            await bounded(scope(), Incoming(b"x" * 200_000), send)
        except (ProblemError, ClientDisconnected) as raised:
            assert raised is error
    other = scope()
    memory.open(other)
    await read_body(other, Incoming(b"x" * 200_000), 9 * MB)
    assert len(inside) == 3
