"""Replay of a recording against a gateway."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from urllib.parse import quote

import msgspec

from pointsman.cli.devtools.concurrency import for_each
from pointsman.cli.devtools.replay.recording import Recording, ReplayStep
from pointsman.cli.gateway import GatewayClient
from pointsman.contracts.messages.decision import Decision, decision_decoder
from pointsman.core.bandit import Arm

WAIT_TIMEOUT_S = 15.0
MIN_POLL_INTERVAL_S = 0.001
MAX_POLL_INTERVAL_S = 0.05


class ReplayFailed(Exception):
    """The stack refused an event, or did not reach the state in which the next pick is exact."""


class PickDifference(msgspec.Struct, frozen=True):
    """A pick that differs from the expected one; ``event`` is its position in the file, from 1."""

    event: int
    tier: str
    expected: str
    got: str


class ReplayResult(msgspec.Struct, frozen=True):
    """Result of a replay.

    Attributes
    ----------
    compared: Picks that had an expected choice.
    skipped: Updates that were not sent: for another arm than was picked, or without a pick.
    asked_again: Requests that repeated a pick.
    """

    picks: int
    updates: int
    compared: int
    skipped: int
    asked_again: int
    elapsed_s: float
    events_per_second: float
    differences: list[PickDifference]


async def replay(url: str, recording: Recording, concurrency: int = 1, api_key: str | None = None) -> ReplayResult:
    """Replay a recording.

    Parameters
    ----------
    url : str
        Of the gateway.
    concurrency : int
        Picks at a time; exact, and compared with the expected choice, only at 1.
    api_key : str, optional
        With the scopes decide, report and read.

    Raises
    ------
    GatewayUnavailable, ReplayFailed
    """
    async with GatewayClient(url, api_key=api_key) as gateway:
        run = _Replay(gateway, exact=concurrency == 1)
        started_s = time.perf_counter()
        await for_each(recording.steps, run.replay, concurrency)
        await run.wait_all_applied()
        return run.result(time.perf_counter() - started_s, recording.stray_updates)


class _Replay:
    def __init__(self, gateway: GatewayClient, *, exact: bool) -> None:
        self._gateway = gateway
        self._exact = exact
        self._pulls: dict[str, Counter[Arm]] = {}
        self._unapplied: dict[str, str] = {}
        self._differences: list[PickDifference] = []
        self._count: Counter[str] = Counter()

    async def wait_all_applied(self) -> None:
        """Wait until the last outcome of every tier is applied."""
        for tier in list(self._unapplied):
            await self._wait_applied(tier)

    def result(self, elapsed_s: float, stray: int) -> ReplayResult:
        count = self._count
        return ReplayResult(
            picks=count["picks"],
            updates=count["updates"],
            compared=count["compared"],
            skipped=count["skipped"] + stray,
            asked_again=count["asked_again"],
            elapsed_s=elapsed_s,
            events_per_second=(count["picks"] + count["updates"]) / elapsed_s,
            differences=self._differences,
        )

    async def replay(self, step: ReplayStep) -> None:
        tier = step.pick.tier
        decision = await (self._pick_exactly(step) if self._exact else self._pick(step))
        arm = Arm(decision.provider, decision.model)
        self._count["picks"] += 1
        if self._exact and step.pick.expect is not None:
            expected = Arm(step.pick.expect.provider, step.pick.expect.model)
            self._count["compared"] += 1
            if arm != expected:
                self._differences.append(PickDifference(step.event, tier, str(expected), str(arm)))
        update = step.update
        if update is None:
            return
        if (update.provider or arm.provider, update.model or arm.model) != arm:
            self._count["skipped"] += 1
            return
        await self._send("/v1/outcomes", update.outcome(decision.decision_id), step)
        self._count["updates"] += 1
        if self._exact:
            self._pulls[tier][arm] += 1
            self._unapplied[tier] = decision.decision_id

    async def _pick(self, step: ReplayStep) -> Decision:
        pick = step.pick
        body: dict[str, object] = {"tier": pick.tier, "context": pick.context}
        if pick.candidates is not None:
            body["candidates"] = pick.candidates
        return decision_decoder.decode(await self._send("/v1/decisions", body, step))

    async def _pick_exactly(self, step: ReplayStep) -> Decision:
        """Pick from exactly the outcomes sent before: repeat until every candidate has learned from all of them.

        Outcomes are applied in order, so with one sender per tier their count identifies them.
        """
        tier = step.pick.tier
        if tier not in self._pulls:
            self._pulls[tier] = await self._read_pulls(step)
        await self._wait_applied(tier)
        problem = ""
        async for attempt in _attempts():
            decision = await self._pick(step)
            behind = [self._pulls[tier][Arm(score.provider, score.model)] - score.pulls for score in decision.scores]
            if min(behind, default=0) < 0:
                raise ReplayFailed(f"event {step.event}: another client sends outcomes to {tier}; picks not comparable")
            if not decision.degraded and not any(behind):
                self._count["asked_again"] += attempt
                return decision
            problem = "only the fallback responds" if decision.degraded else "the replicas do not get the last outcome"
        raise ReplayFailed(f"event {step.event}, {tier}: {problem} after {WAIT_TIMEOUT_S:g} s")

    async def _wait_applied(self, tier: str) -> None:
        decision_id = self._unapplied.pop(tier, None)
        if decision_id is None:
            return
        async for _ in _attempts():
            response = await self._gateway.get(f"/v1/decisions/{decision_id}")
            if response.ok and response.json()["outcome_status"] == "applied":
                return
        raise ReplayFailed(f"{tier}: the outcome of {decision_id} is not applied after {WAIT_TIMEOUT_S:g} s")

    async def _read_pulls(self, step: ReplayStep) -> Counter[Arm]:
        body = await self._send(f"/v1/arms?tier={quote(step.pick.tier)}", None, step)
        return Counter({Arm(arm["provider"], arm["model"]): arm["n"] for arm in msgspec.json.decode(body)["arms"]})

    async def _send(self, path: str, body: object | None, step: ReplayStep) -> bytes:
        response = await (self._gateway.get(path) if body is None else self._gateway.post(path, body))
        if not response.ok:
            raise ReplayFailed(f"event {step.event}: {path}: {response.problem()}")
        return response.body


async def _attempts() -> AsyncIterator[int]:
    """Yield 0, 1, 2 … with growing pauses between them, until the timeout."""
    deadline = time.monotonic() + WAIT_TIMEOUT_S
    pause_s, attempt = MIN_POLL_INTERVAL_S, 0
    while True:
        yield attempt
        if time.monotonic() > deadline:
            return
        await asyncio.sleep(pause_s)
        pause_s, attempt = min(2.0 * pause_s, MAX_POLL_INTERVAL_S), attempt + 1
