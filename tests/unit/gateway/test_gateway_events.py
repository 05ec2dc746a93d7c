from __future__ import annotations

import pytest

from pointsman_gateway.api.events import EventQueue, format_event


def decision(number: int) -> bytes:
    return b'{"decision_id":"S.%d.0123456789abcdef","tier":"S"}' % number


def test_an_event_carries_the_decisions_id_and_json() -> None:
    expected = b"event: decision\nid: S.1.0123456789abcdef\ndata: " + decision(1) + b"\n\n"
    assert format_event("decision", decision(1)) == expected
    degraded = b'{"decision_id":"fallback.S.0123456789abcdef","reason":"nats"}'
    expected = b"event: fallback\nid: fallback.S.0123456789abcdef\ndata: " + degraded + b"\n\n"
    assert format_event("fallback", degraded) == expected


@pytest.mark.parametrize(
    "published", [b"hello", b"\xff", b'{"decision_id":7}', b'{"decision_id":"a\\nevent: x"}', b'{\n"decision_id":"a"}']
)
def test_what_is_no_decision_cannot_break_the_stream(published: bytes) -> None:
    assert format_event("decision", published) == b""


async def test_events_come_in_order() -> None:
    queue = EventQueue(8)
    for number in range(3):
        queue.put("decision", decision(number))
    assert await queue.get(1.0) == b"".join(format_event("decision", decision(number)) for number in range(3))
    assert await queue.get(0.0) == b""


async def test_a_slow_client_loses_the_oldest_events_and_receives_their_number() -> None:
    queue = EventQueue(2)
    for number in range(5):
        queue.put("decision", decision(number))
    expected = (
        b'event: dropped\ndata: {"count":3}\n\n'
        + format_event("decision", decision(3))
        + format_event("decision", decision(4))
    )
    assert await queue.get(1.0) == expected
