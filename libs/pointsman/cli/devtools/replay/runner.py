"""Replaying a recording against a gateway."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from urllib.parse import quote

import msgspec

from pointsman.cli.devtools.replay.recording import Recording, Step
from pointsman.cli.http import GatewayClient, GatewayUnreachable
from pointsman.core.bandit import Arm

PATIENCE_S = 15.0
POLL_S = 0.001
LONGEST_POLL_S = 0.05


class ReplayFailed(Exception):
    """The stack refused an event, or did not get to where the next pick could be exact."""


class Difference(msgspec.Struct, frozen=True):
    """A pick that came out differently; ``event`` is its place in the file, from 1."""

    event: int
    tier: str
    expected: str
    got: str


class Result(msgspec.Struct, frozen=True):
    """What came of a replay.

    Attributes
    ----------
    compared : int
        Picks that had an expected choice.
    skipped : int
        Updates that were not sent: for another arm than was picked, or after no pick.
    asked_again : int
        Picks that were asked more than once.
    """

    picks: int
    updates: int
    compared: int
    skipped: int
    asked_again: int
    elapsed_s: float
    events_per_second: float
    differences: list[Difference]


class _Score(msgspec.Struct, frozen=True):
    provider: str
    model: str
    pulls: int = 0


class _Decided(msgspec.Struct, frozen=True):
    decision_id: str
    provider: str
    model: str
    degraded: bool
    scores: list[_Score]


class _Looked(msgspec.Struct, frozen=True):
    outcome_status: str


class _Arm(msgspec.Struct, frozen=True):
    provider: str
    model: str
    n: int


class _Arms(msgspec.Struct, frozen=True):
    arms: list[_Arm]


_decided_decoder = msgspec.json.Decoder(_Decided)


async def replay(url: str, recording: Recording, concurrency: int = 1, api_key: str | None = None) -> Result:
    """Replay a recording.

    Parameters
    ----------
    url : str
        The gateway's.
    concurrency : int
        Picks at a time; exact, and compared with what was expected, only at 1.
    api_key : str, optional
        With the scopes decide, report and read.

    Raises
    ------
    GatewayUnreachable, ReplayFailed
    """
    async with GatewayClient(url, api_key=api_key) as gateway:
        run = _Replay(gateway, exact=concurrency == 1)
        started_s = time.perf_counter()
        waiting = iter(recording.steps)
        try:
            async with asyncio.TaskGroup() as workers:
                for _ in range(concurrency):
                    workers.create_task(run.work(waiting))
        except ExceptionGroup as failures:
            # Not `except*`: what is raised out of that is wrapped into another group.
            expected = failures.subgroup((GatewayUnreachable, ReplayFailed))
            raise (expected or failures).exceptions[0] from None
        await run.settle()
        return run.result(time.perf_counter() - started_s, recording.stray_updates)


class _Replay:
    def __init__(self, gateway: GatewayClient, *, exact: bool) -> None:
        self._gateway = gateway
        self._exact = exact
        self._pulls: dict[str, Counter[Arm]] = {}
        self._unapplied: dict[str, str] = {}
        self._differences: list[Difference] = []
        self._count: Counter[str] = Counter()

    async def work(self, waiting: Iterator[Step]) -> None:
        for step in waiting:
            await self._replay(step)

    async def settle(self) -> None:
        """Wait until the last outcome of every tier is applied."""
        for tier in list(self._unapplied):
            await self._wait_applied(tier)

    def result(self, elapsed_s: float, stray: int) -> Result:
        count = self._count
        return Result(
            picks=count["picks"],
            updates=count["updates"],
            compared=count["compared"],
            skipped=count["skipped"] + stray,
            asked_again=count["asked_again"],
            elapsed_s=elapsed_s,
            events_per_second=(count["picks"] + count["updates"]) / elapsed_s,
            differences=self._differences,
        )

    async def _replay(self, step: Step) -> None:
        tier = step.pick.tier
        decided = await (self._pick_exactly(step) if self._exact else self._pick(step))
        arm = Arm(decided.provider, decided.model)
        self._count["picks"] += 1
        if self._exact and step.pick.expect is not None:
            expected = Arm(step.pick.expect.provider, step.pick.expect.model)
            self._count["compared"] += 1
            if arm != expected:
                self._differences.append(Difference(step.event, tier, str(expected), str(arm)))
        update = step.update
        if update is None:
            return
        if (update.provider or arm.provider, update.model or arm.model) != arm:
            self._count["skipped"] += 1
            return
        await self._post("/v1/outcomes", update.outcome(decided.decision_id), step)
        self._count["updates"] += 1
        if self._exact:
            self._pulls[tier][arm] += 1
            self._unapplied[tier] = decided.decision_id

    async def _pick(self, step: Step) -> _Decided:
        pick = step.pick
        body: dict[str, object] = {"tier": pick.tier, "context": pick.context}
        if pick.candidates is not None:
            body["candidates"] = pick.candidates
        return _decided_decoder.decode(await self._post("/v1/decisions", body, step))

    async def _pick_exactly(self, step: Step) -> _Decided:
        """Pick on exactly what was sent before: ask until every candidate has learned from all of its outcomes.

        With one replay feeding the tier, how many there were says which they were, as they are applied in order.
        """
        tier = step.pick.tier
        if tier not in self._pulls:
            self._pulls[tier] = await self._read_pulls(step)
        await self._wait_applied(tier)
        deadline = time.monotonic() + PATIENCE_S
        pause_s = POLL_S
        while True:
            decided = await self._pick(step)
            behind = [self._pulls[tier][Arm(score.provider, score.model)] - score.pulls for score in decided.scores]
            if min(behind, default=0) < 0:
                raise ReplayFailed(
                    f"event {step.event}: somebody else sends outcomes to {tier}, so nothing can be compared"
                )
            if not decided.degraded and not any(behind):
                return decided
            if time.monotonic() > deadline:
                what = (
                    "only the fallback answers" if decided.degraded else "the replicas do not hear of the last outcome"
                )
                raise ReplayFailed(f"event {step.event}, {tier}: {what} after {PATIENCE_S:g} s")
            self._count["asked_again"] += 1
            await asyncio.sleep(pause_s)
            pause_s = min(2.0 * pause_s, LONGEST_POLL_S)

    async def _wait_applied(self, tier: str) -> None:
        decision_id = self._unapplied.pop(tier, None)
        if decision_id is None:
            return
        deadline = time.monotonic() + PATIENCE_S
        pause_s = POLL_S
        while True:
            reply = await self._gateway.get(f"/v1/decisions/{decision_id}")
            if reply.ok and msgspec.json.decode(reply.body, type=_Looked).outcome_status == "applied":
                return
            if time.monotonic() > deadline:
                raise ReplayFailed(f"{tier}: the outcome of {decision_id} is not applied after {PATIENCE_S:g} s")
            await asyncio.sleep(pause_s)
            pause_s = min(2.0 * pause_s, LONGEST_POLL_S)

    async def _read_pulls(self, step: Step) -> Counter[Arm]:
        path = f"/v1/arms?tier={quote(step.pick.tier)}"
        reply = await self._gateway.get(path)
        if not reply.ok:
            raise ReplayFailed(f"event {step.event}: GET {path}: {reply.problem()}")
        arms = msgspec.json.decode(reply.body, type=_Arms).arms
        return Counter({Arm(arm.provider, arm.model): arm.n for arm in arms})

    async def _post(self, path: str, body: object, step: Step) -> bytes:
        reply = await self._gateway.post(path, body)
        if not reply.ok:
            raise ReplayFailed(f"event {step.event}: POST {path}: {reply.problem()}")
        return reply.body
