"""Feedback settler on a real stream: unreadable messages, a recreated stream, too much feedback, two settlers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from pointsman.contracts.config import Config
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.feedback import Feedback, PendingOutcome, decode_pending
from pointsman.contracts.messages.notices import dead_decoder
from pointsman.contracts.messages.outcome import Outcome, outcome_decoder
from pointsman.learning.tier_store import TierStore
from pointsman.runtime.bus import Bus, LogReader, ensure_streams
from pointsman.runtime.bus.recovery import begin_stream
from pointsman.runtime.store.store import Store
from pointsman_reward_updater import feedback_settler as settler_module
from pointsman_reward_updater.feedback_settler import FeedbackSettler
from pointsman_reward_updater.pending_feedback import Entry, PendingFeedback
from tests.support.factories import make_outcome
from tests.support.loop_calls import read_all
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

TIER = "SIMPLE"
LONG_MS = 3_600_000
WAIT_MS = 2
"""So short that some feedback comes too late."""


def outcome(decision: int, **fields: Any) -> Outcome:
    ordinary = {"provider": "ollama", "model": "llama3.2", "context": [1.0, 0.5, -0.25]}
    return make_outcome(decision, **{"tier": TIER, **ordinary, **fields})


async def measured(bus: Bus, decision: int, wait_ms: int = 0) -> int:
    message = PendingOutcome(outcome=outcome(decision, quality=60.0, cost_usd=0.5), wait_ms=wait_ms)
    return (await bus.append(subjects.feedback(TIER), encode(message))).sequence


async def give_feedback(bus: Bus, decision: int, quality: float, wait_ms: int = 0) -> None:
    await bus.append(
        subjects.feedback(TIER), encode(Feedback(outcome=outcome(decision), quality=quality, wait_ms=wait_ms))
    )


async def counted(bus: Bus) -> list[tuple[int, float | None]]:
    """Decision and quality of every outcome in the log, in order."""
    found = [outcome_decoder.decode(data) for data in await read_all(bus, subjects.OUTCOMES, subjects.outcomes(TIER))]
    return [(message.decision_sequence, message.quality) for message in found]


async def has(bus: Bus, expected: list[tuple[int, float | None]]) -> None:
    async def there() -> bool:
        return len(await counted(bus)) >= len(expected)

    await eventually(there, f"{expected} in the outcome log")
    assert await counted(bus) == expected


Settling = Callable[..., Any]


def waiting(config: Config, wait_s: float) -> Config:
    tiers = [msgspec.structs.replace(tier, reward_wait_s=wait_s) for tier in config.tier]
    return msgspec.structs.replace(config, tier=tiers)


@pytest.fixture
async def settling(bus: Bus, store: Store, config: Config) -> Settling:
    """Empty streams, and a settler for as long as a block lasts."""
    await ensure_streams(bus, config.nats)
    for stream in (subjects.FEEDBACK, subjects.OUTCOMES):
        await bus.nats.jetstream().delete_stream(stream)
        await begin_stream(bus, config.nats, stream)
    await store.redis.flushall()

    @asynccontextmanager
    async def running(name: str = "one", wait_s: float = 3600.0) -> AsyncIterator[FeedbackSettler]:
        made = FeedbackSettler(bus, store, TIER, waiting(config, wait_s), name)
        task = asyncio.create_task(made.run())
        try:
            yield made
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    return running


async def test_unreadable_message_becomes_a_dead_letter_and_is_skipped(
    bus: Bus, store: Store, settling: Settling
) -> None:
    await measured(bus, 1)
    bad = (await bus.append(subjects.feedback(TIER), b'{"kind":"measured","outcome":5}')).sequence
    other = encode(PendingOutcome(outcome=outcome(7, tier="OPEN"), wait_ms=0))
    await bus.append(subjects.feedback(TIER), other)
    last = await measured(bus, 2)
    async with settling():
        await has(bus, [(1, 60.0), (2, 60.0)])

        async def passed_by() -> bool:
            return (await TierStore(store, TIER).settled()).sequence == last

        await eventually(passed_by, "the watermark")
    letters = [dead_decoder.decode(data) for data in await read_all(bus, subjects.DEAD, subjects.dead("FEEDBACK"))]
    assert [letter.sequence for letter in letters] == [bad, bad + 1]
    assert letters[0].payload == b'{"kind":"measured","outcome":5}'
    assert "outcome" in letters[0].reason
    assert "SIMPLE" in letters[1].reason


async def test_decision_measured_twice_in_one_batch_has_an_outcome(
    bus: Bus, store: Store, config: Config, settling: Settling
) -> None:
    """The gateway retries an append for longer than the server recognizes its duplicate."""
    message = PendingOutcome(outcome=outcome(5, quality=60.0), wait_ms=WAIT_MS)
    settler = FeedbackSettler(bus, store, TIER, config, "one")
    await settler._settle([Entry(sequence, sequence, message) for sequence in (1, 2)])
    assert await counted(bus) == [(5, 60.0)]  # the outcome log recognizes the second one as a duplicate


async def test_recreated_stream_is_read_from_its_beginning(bus: Bus, config: Config, settling: Settling) -> None:
    for decision in (1, 2, 3):
        await measured(bus, decision)
    async with settling():
        await has(bus, [(1, 60.0), (2, 60.0), (3, 60.0)])
    await bus.nats.jetstream().delete_stream(subjects.FEEDBACK)
    await begin_stream(bus, config.nats, subjects.FEEDBACK)
    await measured(bus, 4)
    await bus.nats.jetstream().purge_stream(subjects.OUTCOMES)  # nothing there is unapplied, so it is not waited for
    async with settling():
        await has(bus, [(4, 60.0)])


async def test_too_much_feedback_has_the_oldest_answers_count_before_their_time(
    bus: Bus, settling: Settling, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settler_module, "PendingFeedback", lambda: PendingFeedback(max_notes=3))
    monkeypatch.setattr(settler_module, "EARLY_BATCH", 1)
    for decision in (1, 2, 3, 4):
        await measured(bus, decision, LONG_MS)
        await give_feedback(bus, decision, float(decision), LONG_MS)
    async with settling():
        await has(bus, [(1, 1.0), (2, 2.0)])


async def test_nothing_counts_before_its_time_and_nothing_behind_it(bus: Bus, settling: Settling) -> None:
    await measured(bus, 1)
    waits = await measured(bus, 2, LONG_MS)
    await measured(bus, 3)
    async with settling() as one:
        await has(bus, [(1, 60.0)])

        async def stands() -> bool:
            return bool(one.oldest == waits)

        await eventually(stands, "the second waits")
    assert await counted(bus) == [(1, 60.0)]


async def test_a_shorter_wait_holds_for_what_waits_already(bus: Bus, settling: Settling) -> None:
    await measured(bus, 1, LONG_MS)
    waits = await measured(bus, 2, LONG_MS)
    await give_feedback(bus, 1, 5.0, LONG_MS)
    async with settling() as one:

        async def stands() -> bool:
            return bool(one.oldest == waits - 1)

        await eventually(stands, "both wait")
    assert await counted(bus) == []
    async with settling(wait_s=0.0):
        await has(bus, [(1, 5.0), (2, 60.0)])


async def test_of_two_settlers_one_works_and_the_other_goes_on_from_there(
    bus: Bus, store: Store, settling: Settling
) -> None:
    async with settling("two") as two:
        async with settling("one") as one:
            for decision in range(1, 40):
                await measured(bus, decision)
            await has(bus, [(decision, 60.0) for decision in range(1, 40)])
            assert {one.status, two.status} == {"settling", "standby"}
        await measured(bus, 40)
        await has(bus, [(decision, 60.0) for decision in range(1, 41)])


async def test_settlers_that_both_believe_they_hold_the_lease_count_everything_once(
    bus: Bus, store: Store, settling: Settling, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def always(_: Any) -> bool:
        return True

    monkeypatch.setattr("pointsman.runtime.store.lease.Lease.hold", always)
    async with settling("one"), settling("two"):
        for decision in range(1, 60):
            await measured(bus, decision, WAIT_MS)
            await give_feedback(bus, decision, 80.0)
        expected = await by_the_log(bus)
        assert expected.keys() == set(range(1, 60))

        async def all_there() -> bool:
            return {decision for decision, _ in await counted(bus)} == expected.keys()

        await eventually(all_there, "all have counted")
    first: dict[int, float | None] = {}
    for decision, quality in await counted(bus):
        first.setdefault(decision, quality)
    assert first == expected


async def by_the_log(bus: Bus) -> dict[int, float | None]:
    """What each decision's quality is by the log's times, if each has one measured outcome, then one feedback."""
    measured_at: dict[int, int] = {}
    qualities: dict[int, float | None] = {}
    reader = LogReader(bus, subjects.FEEDBACK, subjects.feedback(TIER))
    last = await bus.last(subjects.FEEDBACK, subjects.feedback(TIER))
    reached = 0
    while last is not None and reached < last.sequence:
        for stored in await reader.next_batch(wait_s=5.0):
            message, reached = decode_pending(stored.data, TIER), stored.sequence
            decision = message.outcome.decision_sequence
            if isinstance(message, PendingOutcome):
                measured_at[decision], qualities[decision] = stored.at_ms, message.outcome.quality
            elif stored.at_ms <= measured_at[decision] + WAIT_MS:
                qualities[decision] = message.quality
    await reader.close()
    return qualities
