from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.llm.providers.dialects import sse
from pointsman.llm.providers.dialects.sse import EventSplitter, EventTooLong, SseFraming, encode_event, event_data

EVENTS = st.lists(
    st.sampled_from(
        [
            "data: {}",
            "data:x",
            "event: delta\ndata: ä€😀",
            ": a comment",
            "data: one\ndata: two",
            "id: 7\ndata",
            "retry: 3",
            "data: " + "long " * 40,
        ]
    ),
    max_size=8,
)


@given(events=EVENTS, ends=st.sampled_from(["\n", "\r\n"]), cuts=st.lists(st.integers(0, 600), max_size=12))
def test_events_are_the_same_wherever_the_bytes_were_cut(events: list[str], ends: str, cuts: list[int]) -> None:
    written = [(event + "\n\n").replace("\n", ends).encode() for event in events]
    whole = b"".join(written) + b"data: rest"
    at = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    splitter = EventSplitter()
    found = []
    for start, end in pairwise(at):
        found += splitter.feed(whole[start:end])
    assert found == written
    assert splitter.rest() == b"data: rest"
    assert splitter.rest() == b""


def test_every_cut_in_two_gives_the_same_events() -> None:
    whole = 'data: {"t": "ä€😀"}\r\n\r\ndata: b\n\n: c\r\n\r\ndata: d\n\n'.encode()
    for at in range(len(whole)):
        splitter = EventSplitter()
        events = splitter.feed(whole[:at]) + splitter.feed(whole[at:])
        assert [event_data(event) for event in events] == ['{"t": "ä€😀"}'.encode(), b"b", None, b"d"]


@pytest.mark.parametrize(
    ("event", "data"),
    [
        (b"data: {}\n\n", b"{}"),
        (b"data:{}\r\n\r\n", b"{}"),
        (b"event: x\ndata: {}\nid: 1\n\n", b"{}"),
        (b"data: a\ndata:  b\n\n", b"a\n b"),
        (b"data\n\n", b""),
        (b": comment\n\n", None),
        (b"\n\n", None),
        (b"database: no\n\n", None),
    ],
)
def test_data_of_an_event(event: bytes, data: bytes | None) -> None:
    assert event_data(event) == data


@pytest.mark.parametrize(
    "event", [b"data:\n\n", b"data: \n\n", b"data:\r\n\r\n", b"event: ping\ndata:\n\n", b"data:\ndata: \n\n"]
)
def test_a_blank_event_has_no_data(event: bytes) -> None:
    assert SseFraming().feed(event) == [(event, None)]
    assert SseFraming().feed(event[:-1]) == []


def test_event_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 1000)
    splitter = EventSplitter()
    with pytest.raises(EventTooLong):
        for _ in range(11):
            splitter.feed(b"x" * 100)


def test_event_is_written_as_it_is_read() -> None:
    assert event_data(encode_event({"a": "line\nbreak"}, "delta")) == b'{"a":"line\\nbreak"}'
    assert encode_event({}, "delta") == b"event: delta\ndata: {}\n\n"
