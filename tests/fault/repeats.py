"""Outcomes that come again: at once, late, after a restart, with another value, and out of order."""

from __future__ import annotations

import asyncio
import json

import nats

from tests.fault.cluster import TIERS
from tests.fault.ledger import Values
from tests.fault.raw_log import read_stream
from tests.fault.run import Fault, Run

MANY = 15
WINDOW_S = 120.0
SHORT_WINDOW_S = 0.2


async def _decisions(run: Run, count: int = MANY) -> list[str]:
    """Return new decisions of a policy, without an outcome."""
    found: list[str] = []
    while len(found) < count:
        id_ = await run.load.decide(TIERS[len(found) % len(TIERS)])
        if id_ is not None and not id_.startswith("fallback."):
            found.append(id_)
    return found


async def _reported(run: Run) -> list[tuple[str, Values]]:
    """Return fresh decisions with the outcome that was accepted for them, which is learned by now."""
    reported = [(id_, run.load.values()) for id_ in await _decisions(run)]
    statuses = await asyncio.gather(*(run.load.report(id_, values) for id_, values in reported))
    assert set(statuses) == {202}, statuses
    await asyncio.sleep(0.5)
    return reported


async def at_once(run: Run) -> None:
    """The same outcome five times at the same moment: one is accepted, and the others return that it is known."""
    for id_ in await _decisions(run):
        values = run.load.values()
        statuses = await asyncio.gather(*(run.load.report(id_, values) for _ in range(5)))
        assert sorted(statuses) == [200, 200, 200, 200, 202], statuses


async def with_another_value(run: Run) -> None:
    """Another outcome for the same decision: at the same moment, then when the first was learned."""
    for id_ in await _decisions(run):
        statuses = await asyncio.gather(*(run.load.report(id_, {"quality": float(at)}) for at in range(3)))
        assert sorted(statuses) == [202, 409, 409], statuses
    for id_, _ in await _reported(run):
        assert await run.load.report(id_, {"reward": 12.5}) == 409


async def past_the_window(run: Run) -> None:
    """Again when NATS has forgotten the first: the store remembers, and is asked."""
    await _set_window(run, SHORT_WINDOW_S)
    reported = await _reported(run)
    await asyncio.sleep(2 * SHORT_WINDOW_S)
    for id_, values in reported:
        assert await run.load.report(id_, values) == 200
        assert await run.load.report(id_, {"reward": 1.5}) == 409
    await _set_window(run, WINDOW_S)


async def past_the_window_without_the_store(run: Run) -> None:
    """Again when NATS has forgotten it and the gateway cannot ask the store: in the log twice, and counted once."""
    await _set_window(run, SHORT_WINDOW_S)
    reported = await _reported(run)
    await asyncio.sleep(2 * SHORT_WINDOW_S)
    (proxy,) = run.cluster.between("store", ["gateway"])
    proxy.refuse()
    await asyncio.gather(*(run.load.report(id_, values) for id_, values in reported))
    log = await read_stream(run.cluster.nats.url, "OUTCOMES")
    poison = run.cluster.poison.get("OUTCOMES", set())
    ids = [json.loads(message.data)["decision_id"] for message in log.messages if message.sequence not in poison]
    assert all(ids.count(id_) == 2 for id_, _ in reported), "the log should have refused nothing"
    run.cluster.heal()
    await _set_window(run, WINDOW_S)


async def after_restarts(run: Run) -> None:
    """Again after everything on the way was killed and restarted."""
    reported = await _reported(run)
    with run.gateway_gone():
        for name in ("gateway", "nats", "store"):
            await run.cluster.kill(name)
        for name in ("store", "nats", "gateway"):
            await run.cluster.restart(name)
        for id_, values in reported:
            assert await run.load.report(id_, values) == 200


async def redelivered(run: Run) -> None:
    """Messages of the log appended to it again, in reverse, as a mirror gone wrong would."""
    log = await read_stream(run.cluster.nats.url, "OUTCOMES")
    poison = run.cluster.poison.get("OUTCOMES", set())
    client = await nats.connect(run.cluster.nats.url)
    for message in [message for message in log.messages if message.sequence not in poison][-100::-1][:50]:
        await client.jetstream().publish(message.subject, message.data)
    for message in log.messages[:-30:-1]:
        if message.sequence not in poison:
            await client.jetstream().publish(message.subject, message.data)
    await client.close()


async def for_degraded_decisions(run: Run) -> None:
    """Outcomes of decisions that no policy made: recorded, and never learned from."""
    await run.cluster.kill("decision")
    ids = [id_ for id_ in [await run.load.decide("ALPHA") for _ in range(MANY)] if id_]
    await run.cluster.restart("decision")
    degraded = [id_ for id_ in ids if id_.startswith("fallback.")]
    assert degraded
    statuses = [await run.load.report(id_, {"quality": 100.0}) for id_ in degraded]
    assert set(statuses) == {202}, statuses


async def _set_window(run: Run, window_s: float) -> None:
    client = await nats.connect(run.cluster.nats.url)
    stream = client.jetstream()
    config = (await stream.stream_info("OUTCOMES")).config
    config.duplicate_window = window_s
    await stream.update_stream(config)
    await client.close()


REPEATS: dict[str, Fault] = {
    "outcome five times at once": at_once,
    "outcome with another value": with_another_value,
    "outcome again, past the window": past_the_window,
    "again, past the window, no store": past_the_window_without_the_store,
    "outcome again after restarts": after_restarts,
    "outcomes appended again, reversed": redelivered,
    "outcomes of degraded decisions": for_degraded_decisions,
}
"""Every way of repeating, by name."""
