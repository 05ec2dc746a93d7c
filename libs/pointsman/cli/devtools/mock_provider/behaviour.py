"""How a mock model behaves: how fast, how often it fails, how good its answers are."""

from __future__ import annotations

import random
import re

import msgspec

KINDS_OF_BAD = ("empty", "refusal", "truncated")


class Behaviour(msgspec.Struct, frozen=True, kw_only=True):
    """One mock model.

    Attributes
    ----------
    first_byte_ms : float
        Until a stream begins, and part of the latency of everything else.
    latency_ms : float
        Until the whole answer is there; a stream spreads its chunks over what is left after the first byte.
    fail_rate : float
        Share of requests that are answered with ``fail_status``, 0 to 1.
    fail_status : int
    break_rate : float
        Share of streams that break off in the middle, 0 to 1.
    quality : float
        Share of answers that are good, 0 to 1; the others are empty, refusals or cut off.
    words : int
        Length of a good answer.
    """

    first_byte_ms: float = 0.0
    latency_ms: float = 0.0
    fail_rate: float = 0.0
    fail_status: int = 500
    break_rate: float = 0.0
    quality: float = 1.0
    words: int = 24


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to one request.

    Attributes
    ----------
    status : int
        200, or the error that is answered.
    breaks_after : int or None
        Chunks after which the connection is cut.
    bad : str
        Empty for a good answer, or one of `KINDS_OF_BAD`.
    """

    status: int
    breaks_after: int | None
    bad: str
    first_byte_ms: float
    latency_ms: float
    words: int


_DIRECTIVE = re.compile(r"\[mock ([^\]]*)\]")
_SETTING = re.compile(r"([a-z-]+)=([\w.]+)")


def plan(behaviour: Behaviour, seed: int, model: str, number: int, text: str) -> Plan:
    """Decide what happens to a request: always the same for the same seed, model and number.

    A request can ask for it: ``[mock status=429 break=3 first-byte-ms=50 latency-ms=200 bad=refusal words=5]`` anywhere
    in its last message.

    Parameters
    ----------
    number : int
        How many requests the model had before.
    text : str
        The last message.
    """
    chance = random.Random(f"{seed}:{model}:{number}")
    fails, breaks, bad = (chance.random() for _ in range(3))
    kind = chance.choice(KINDS_OF_BAD)
    found = _DIRECTIVE.search(text)
    asked = dict(_SETTING.findall(found[1])) if found else {}
    return Plan(
        status=int(asked.get("status", behaviour.fail_status if fails < behaviour.fail_rate else 200)),
        breaks_after=int(asked["break"]) if "break" in asked else 2 if breaks < behaviour.break_rate else None,
        bad=asked.get("bad", kind if bad >= behaviour.quality else ""),
        first_byte_ms=float(asked.get("first-byte-ms", behaviour.first_byte_ms)),
        latency_ms=float(asked.get("latency-ms", behaviour.latency_ms)),
        words=int(asked.get("words", behaviour.words)),
    )
