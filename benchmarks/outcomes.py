"""Outcomes for the log, as the gateway would have written them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import numpy as np

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.outcome import Outcome
from pointsman.core.bandit import Arm
from pointsman.runtime.bus import Bus

DIM = 12
_IN_FLIGHT = 500


def arm_names(k: int) -> list[str]:
    """Return K arms as they stand in the configuration."""
    return [f"provider-{at % 3}:some-model-{at}" for at in range(k)]


def configuration(tiers: Sequence[str], k: int, extra: str = "") -> str:
    """Return the text of a ``pointsman.toml`` with these tiers, K arms each."""
    arms = ", ".join(f'"{name}"' for name in arm_names(k))
    tables = "".join(f'[[tier]]\nname = "{name}"\narms = [{arms}]\n\n' for name in tiers)
    return f"[context]\ndim = {DIM}\n\n{tables}{extra}"


def draw_context(rng: np.random.Generator) -> list[float]:
    """Return the context of a request: eleven features and a constant 1."""
    return [*np.round(rng.normal(scale=0.5, size=DIM - 1), 4).tolist(), 1.0]


async def fill_outcomes(bus: Bus, tier: str, k: int, number: int, first_decision: int = 1) -> None:
    """Append outcomes of as many different decisions to the tier's log, many in flight.

    Parameters
    ----------
    bus : Bus
    tier : str
    k : int
        Arms; the outcomes go round them.
    number : int
    first_decision : int
        Sequence of the first of the decisions, which need not exist.
    """
    rng = np.random.default_rng(3)
    arms = [Arm.parse(name) for name in arm_names(k)]
    contexts = [draw_context(rng) for _ in range(256)]
    quality = np.round(rng.uniform(20.0, 95.0, size=number), 1).tolist()
    waiting: list[asyncio.Future[object]] = []
    for at in range(number):
        arm, now_ms = arms[at % k], int(time.time() * 1000)
        outcome = Outcome(
            decision_id=f"{tier}.{first_decision + at}.0123456789abcdef",
            tier=tier,
            provider=arm.provider,
            model=arm.model,
            decision_sequence=first_decision + at,
            context=contexts[at % len(contexts)],
            propensity=0.9,
            policy="linucb",
            policy_version=1,
            decided_at_ms=now_ms - 1000,
            accepted_at_ms=now_ms,
            quality=quality[at],
            cost_usd=0.001 + 0.0001 * (at % 37),
            latency_ms=float(200 + at % 900),
        )
        sending = bus.append(subjects.outcomes(tier), encode(outcome), 10.0)
        waiting.append(asyncio.ensure_future(sending))
        if len(waiting) >= _IN_FLIGHT:
            await asyncio.gather(*waiting)
            waiting.clear()
    await asyncio.gather(*waiting)
