"""Behaviour of a mock model: latency, failures and quality of its answers."""

from __future__ import annotations

import random
import re

import msgspec

BAD_ANSWERS = ("empty", "refusal", "truncated")


class Behaviour(msgspec.Struct, frozen=True, kw_only=True):
    """One mock model.

    Attributes
    ----------
    first_byte_ms : float
        Until a stream begins; part of ``latency_ms``.
    latency_ms : float
        Until the answer is complete; a stream spreads its chunks over the time after the first byte.
    fail_rate : float
        Share of requests that fail with ``fail_status``, 0 to 1.
    fail_status : int
    break_rate : float
        Share of streams that break, 0 to 1.
    quality : float
        Share of good answers, 0 to 1; the others are empty, refusals or truncated.
    words : int
        Words in a good answer.
    """

    first_byte_ms: float = 0.0
    latency_ms: float = 0.0
    fail_rate: float = 0.0
    fail_status: int = 500
    break_rate: float = 0.0
    quality: float = 1.0
    words: int = 24


class RequestPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Behaviour for one request.

    Attributes
    ----------
    status : int
        200, or the status of the error.
    breaks_after : int or None
        Chunks after which the connection is closed.
    bad : str
        Empty for a good answer, or one of `BAD_ANSWERS`.
    """

    status: int
    breaks_after: int | None
    bad: str
    first_byte_ms: float
    latency_ms: float
    words: int


_DIRECTIVE = re.compile(r"\[mock ([^\]]*)\]")
_SETTING = re.compile(r"([a-z-]+)=([\w.]+)")


def plan_request(behaviour: Behaviour, seed: int, model: str, number: int, text: str) -> RequestPlan:
    """Choose the behaviour for a request; equal for equal seed, model and number.

    A request can set it: ``[mock status=429 break=3 first-byte-ms=50 latency-ms=200 bad=refusal words=5]`` anywhere
    in its last message.

    Parameters
    ----------
    number : int
        Number of earlier requests to the model.
    text : str
        The last message.
    """
    chance = random.Random(f"{seed}:{model}:{number}")
    fails, breaks, bad = (chance.random() for _ in range(3))
    kind = chance.choice(BAD_ANSWERS)
    found = _DIRECTIVE.search(text)
    asked = dict(_SETTING.findall(found[1])) if found else {}
    return RequestPlan(
        status=int(asked.get("status", behaviour.fail_status if fails < behaviour.fail_rate else 200)),
        breaks_after=int(asked["break"]) if "break" in asked else 2 if breaks < behaviour.break_rate else None,
        bad=asked.get("bad", kind if bad >= behaviour.quality else ""),
        first_byte_ms=float(asked.get("first-byte-ms", behaviour.first_byte_ms)),
        latency_ms=float(asked.get("latency-ms", behaviour.latency_ms)),
        words=int(asked.get("words", behaviour.words)),
    )
