"""Behaviour of a mock model: latency, failures and quality of its answers."""

import random
import re
from typing import Annotated

import msgspec
from msgspec import Meta

from pointsman.core.bounds import Share

BAD_ANSWERS = ("empty", "refusal", "truncated")


Milliseconds = Annotated[float, Meta(ge=0, le=1e7)]


class Behaviour(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Behaviour of one mock model. The descriptions are the help of the command's options."""

    first_byte_ms: Annotated[Milliseconds, Meta(description="milliseconds until an answer begins")] = 0.0
    latency_ms: Annotated[Milliseconds, Meta(description="milliseconds until it is complete")] = 0.0
    fail_rate: Annotated[Share, Meta(description="share of requests that fail, 0 to 1")] = 0.0
    fail_status: Annotated[int, Meta(ge=400, le=599, description="HTTP status of failed requests")] = 500
    break_rate: Annotated[Share, Meta(description="share of streams that break, 0 to 1")] = 0.0
    quality: Annotated[
        Share, Meta(description="share of good answers, 0 to 1; the others are empty, refusals or truncated")
    ] = 1.0
    words: Annotated[int, Meta(ge=0, le=10_000_000, description="words in a good answer")] = 24


class RequestPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Behaviour for one request.

    Attributes
    ----------
    status: 200, or the status of the error.
    breaks_after: Chunks after which the connection is closed.
    bad: Empty for a good answer, or one of `BAD_ANSWERS`.
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
    in its last message, ``text``. ``number`` counts the earlier requests to the model.
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
