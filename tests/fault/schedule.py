"""Faults together, drawn with a seed: which, when, and for how long."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

from tests.fault.faults import ALONE
from tests.fault.run import Fault, Run

TOUCHES: dict[str, frozenset[str]] = {
    **{f"kill -9 {name}": frozenset({name}) for name in ("gateway", "decision", "reward_updater")},
    **{f"kill -9 {name}": frozenset({name}) for name in ("shadow_evaluator", "nats", "store")},
    **{f"SIGSTOP {name}": frozenset({name}) for name in ("gateway", "decision", "reward_updater")},
    **{f"SIGSTOP {name}": frozenset({name}) for name in ("shadow_evaluator", "nats", "store")},
    **{f"hung, then kill -9, {name}": frozenset({name}) for name in ("nats", "store")},
    "reward_updater gone": frozenset({"reward_updater"}),
    "killed before a commit": frozenset({"reward_updater", "network", "nats", "store"}),
    "killed after a commit, before its reply": frozenset({"reward_updater", "network", "nats", "store"}),
    "stalled lease holder, under load": frozenset({"reward_updater", "network", "nats", "store"}),
    "NATS connections cut": frozenset({"network"}),
    "store connections cut": frozenset({"network"}),
    "NATS unreachable": frozenset({"network"}),
    "store unreachable": frozenset({"network"}),
    "NATS stalled half way through": frozenset({"network"}),
    "store stalled half way through": frozenset({"network"}),
    "NATS stalled for moments": frozenset({"network"}),
    "slow network": frozenset({"network"}),
    "SCRIPT FLUSH and CLIENT KILL": frozenset({"scripts"}),
    "store emptied": frozenset({"store"}),
}
"""What each fault needs for itself; faults with nothing in common can act together."""


def draw(rng: random.Random, count: int) -> list[str]:
    """Return names of different faults that can act together."""
    drawn: list[str] = []
    taken: set[str] = set()
    for name in rng.sample(sorted(TOUCHES), len(TOUCHES)):
        if not taken & TOUCHES[name]:
            drawn.append(name)
            taken |= TOUCHES[name]
        if len(drawn) == count:
            break
    return drawn


def together(names: list[str], rng: random.Random) -> Fault:
    """Return the fault that is all of these, each beginning within two seconds and lasting as long as it will."""
    plan = [(name, rng.uniform(0.0, 2.0), rng.uniform(0.5, 1.5)) for name in names]

    async def act(run: Run) -> None:
        async def one(name: str, delay_s: float, share: float) -> None:
            await asyncio.sleep(delay_s)
            await ALONE[name](replace(run, hold_s=run.hold_s * share))

        async with asyncio.TaskGroup() as tasks:
            for planned in plan:
                tasks.create_task(one(*planned))

    return act
