"""Broken variants of good messages: values that are out of place, fields that are missing, bytes that are no JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

AWKWARD: list[Any] = [
    None,
    True,
    "",
    "\0",
    "\u202e\ufffe",
    "a.b",
    "*",
    ">",
    "a b",
    "a\tb\nc",
    "x" * 300,
    "ü" * 200,
    -1,
    0,
    2,
    2**31,
    2**53 + 1,
    2**63 - 1,
    2**63,
    -(2**63),
    2**64,
    10**60,
    0.5,
    -0.5,
    1e-320,
    1e9,
    1e300,
    1e308,
    -1e308,
    float("nan"),
    float("inf"),
    [],
    [1e308, 1e308],
    [[]],
    {},
    {"a": {"b": [None]}},
    "data:,",
    "\ud800",
    ["text", 1, None, {"type": []}],
    {"type": {"a": 1}},
    {"type": ["text"]},
    {"role": ["user"], "content": [[]]},
    '{"a":' + "[" * 900 + "]" * 900 + "}",
    '{"a":' + "[" * 50_000 + "]" * 50_000 + "}",
]
"""What a field is replaced by."""

RAW = [
    b"9" * 400,
    b"9" * 5000,
    b"-" + b"9" * 30,
    b"1e400",
    b"-1e400",
    b"NaN",
    b'"\\ud800"',
    b'"\xed\xa0\x80"',
    b'"\xff"',
]
RAW += [b'"' + b"x" * 200_000 + b'"', *(b"[" * depth + b"]" * depth for depth in (60, 600, 5000))]
RAW += [b'{"a":' * 300 + b"1" + b"}" * 300]
"""What a field is replaced by that cannot be written as a value of Python."""
NEAR_THE_LIMIT = [b"[" * depth + b"]" * depth for depth in (900, 980, 1100)]
NEAR_THE_LIMIT += [b'{"a":' * 950 + b"1" + b"}" * 950]
"""Nested as deep as a decoder's recursion goes, which depends on who calls it."""
_PLACE = "<here>"


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the path of every part of a JSON value."""
    found = [path]
    if isinstance(value, dict):
        for name, part in value.items():
            found += places(part, (*path, name))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            found += places(part, (*path, index))
    return found


def put(value: Any, path: tuple[str | int, ...], part: Any) -> Any:
    """Return the value with another part at a path."""
    if not path:
        return part
    copy = value.copy()
    copy[path[0]] = put(value[path[0]], path[1:], part)
    return copy


def drop(value: Any, path: tuple[str | int, ...]) -> Any:
    """Return the value without the part at a path."""
    if len(path) > 1:
        return put(value, path[:1], drop(value[path[0]], path[1:]))
    copy = value.copy()
    del copy[path[0]]
    return copy


def mutate_value(good: Any, random: Random) -> Any:
    """Return a JSON value with one to three parts replaced, dropped, moved or added."""
    value = good
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        path = random.choice(places(value))
        kind = random.random()
        if kind < 0.6:
            value = put(value, path, random.choice(AWKWARD))
        elif kind < 0.75 and path:
            value = drop(value, path)
        elif kind < 0.85:
            value = put(value, path, _at(value, random.choice(places(value))))
        elif isinstance(value, dict):
            value = {**value, random.choice(("v", "extra", "", "tier", "\0")): random.choice(AWKWARD)}
    return value


def mutate_bytes(good: bytes, random: Random) -> bytes:
    """Return bytes that are most likely no JSON, or none that one would write."""
    at = random.randrange(len(good) + 1)
    changes: list[Callable[[], bytes]] = [
        lambda: good[:at],
        lambda: good[at:],
        lambda: good[:at] + random.randbytes(random.randint(1, 8)) + good[at:],
        lambda: bytes(byte ^ (1 << random.randrange(8)) if index == at else byte for index, byte in enumerate(good)),
        lambda: good + good,
        lambda: good[:-1] + b"," + good[1:],  # every key twice
        lambda: b"\xef\xbb\xbf" + good,
        lambda: good.decode().encode("utf-16"),
        lambda: good.replace(b'"', b"'"),
        lambda: good.replace(b":", b":" + b"[" * 5000, 1),
        lambda: b'{"v":' + b"9" * 5000 + b"," + good[1:],
        lambda: good.replace(b'"', b'"\\ud800', 1),
        lambda: random.randbytes(random.randrange(200)),
        lambda: b"",
    ]
    return random.choice(changes)()


def mutate(good: bytes, random: Random, raw_parts: Sequence[bytes] = RAW) -> bytes:
    """Return a broken variant of an encoded message; now and then one that is right after all."""
    if random.random() < 0.3:
        return mutate_bytes(good, random)
    value = mutate_value(json.loads(good), random)
    raw = random.choice(raw_parts) if random.random() < 0.15 else None
    if raw is not None:
        value = put(value, random.choice(places(value)), _PLACE)
    data = json.dumps(value, ensure_ascii=random.random() < 0.5).encode("utf-8", "surrogatepass")
    return data if raw is None else data.replace(json.dumps(_PLACE).encode(), raw)


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        value = value[step]
    return value
