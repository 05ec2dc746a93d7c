"""Reading a stream without anything of Pointsman: batched direct gets over a plain client."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any, NamedTuple

import nats

BATCH = 1000
TIMEOUT_S = 10.0
_TIME = re.compile(r"(.*?)(?:\.(\d+))?Z")


class Raw(NamedTuple):
    """A message of a stream. ``at_ns``: when the stream took it, in Unix nanoseconds."""

    sequence: int
    subject: str
    at_ns: int
    data: bytes


class Stream(NamedTuple):
    """A stream, whole."""

    created: str
    last_sequence: int
    messages: list[Raw]


async def read_stream(url: str, name: str) -> Stream:
    """Return every message of a stream, in order, and check that none is missing."""
    client = await nats.connect(url, allow_reconnect=False)
    try:
        info = json.loads((await client.request(f"$JS.API.STREAM.INFO.{name}", b"", timeout=TIMEOUT_S)).data)
        state = info["state"]
        messages: list[Raw] = []
        inbox = client.new_inbox()
        subscription = await client.subscribe(inbox)
        start, end = state["first_seq"], state["last_seq"]
        while state["messages"] and start <= end:
            request = {"seq": start, "batch": BATCH}
            await client.publish(f"$JS.API.DIRECT.GET.{name}", json.dumps(request).encode(), reply=inbox)
            while True:
                message = await subscription.next_msg(timeout=TIMEOUT_S)
                headers: dict[str, Any] = dict(message.headers or {})
                if headers.get("Status"):
                    assert headers["Status"] == "204", headers
                    break
                sequence = int(headers["Nats-Sequence"])
                at_ns = _unix_ns(headers["Nats-Time-Stamp"])
                messages.append(Raw(sequence, headers["Nats-Subject"], at_ns, message.data))
            start = messages[-1].sequence + 1
    finally:
        await client.close()
    whole = [message for message in messages if message.sequence <= end]
    sequences = [message.sequence for message in whole]
    assert sequences == sorted(set(sequences)), f"{name} is not in order"
    assert len(whole) == state["messages"], f"{name}: read {len(whole)} of {state['messages']}"
    return Stream(info["created"], end, whole)


async def last_sequences(url: str, name: str, subjects: list[str]) -> dict[str, int]:
    """Return the last sequence of each subject; 0 where there is none."""
    client = await nats.connect(url, allow_reconnect=False)
    try:
        found = {}
        for subject in subjects:
            reply = await client.request(f"$JS.API.DIRECT.GET.{name}.{subject}", b"", timeout=TIMEOUT_S)
            found[subject] = int((reply.headers or {}).get("Nats-Sequence", 0))
        return found
    finally:
        await client.close()


def _unix_ns(text: str) -> int:
    match = _TIME.fullmatch(text)
    assert match, text
    whole = datetime.fromisoformat(match[1]).replace(tzinfo=UTC).timestamp()
    return int(whole) * 1_000_000_000 + int((match[2] or "0").ljust(9, "0"))
