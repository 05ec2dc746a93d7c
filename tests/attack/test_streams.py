"""Broken messages on every subject that a service listens to: the services live on, and only what is valid counts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from random import Random
from typing import Any

import httpx
import pytest

from pointsman.contracts.messages.codec import FIRST_VERSION, MAX_VERSION, decode, encode
from pointsman.contracts.messages.decision import decision_decoder, event_decoder
from pointsman.contracts.messages.errors import MessageError
from pointsman.contracts.messages.ids import parse_id
from pointsman.contracts.messages.outcome import Outcome
from pointsman.contracts.messages.policies import policies_decoder
from pointsman.contracts.messages.problem import problem_decoder
from pointsman.contracts.messages.subjects import DEAD, DECISIONS, OUTCOMES
from pointsman.contracts.messages.validation import check_event
from pointsman.learning.audit import audit_tier
from pointsman.learning.ledger import read_outcome
from pointsman.learning.tier_store import TierStore, encode_arm
from pointsman.runtime.bus import AppendRefused, Bus, BusUnavailable
from pointsman.runtime.store.store import Store
from tests.attack.mutations import mutate
from tests.support.gateway_calls import CONTEXT, REQUEST, decide, report
from tests.support.message_examples import GOLDEN
from tests.support.processes import ServiceProcess
from tests.support.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("survivors")]

COUNT = 250
"""Broken messages for each kind of subject."""
TOO_LARGE = b'{"tier":"' + b"x" * 600_000 + b'"}'


def golden(name: str, **changes: Any) -> bytes:
    return encode({**json.loads((GOLDEN / f"{name}.json").read_bytes()), **changes})


def broken(seed: int, *goods: bytes) -> list[bytes]:
    random = Random(seed)
    messages = [mutate(random.choice(goods), random) for _ in range(COUNT)]
    return [message for message in messages if not is_newer(message)]


def is_newer(message: bytes) -> bool:
    """Return whether it is a message of a newer version, for which a reader waits: tests/integration has these."""
    try:
        value = json.loads(message)
    except (ValueError, RecursionError):
        return False
    v = value.get("v") if isinstance(value, dict) else None
    return isinstance(v, int) and FIRST_VERSION < v <= MAX_VERSION


@pytest.fixture
def survivors(services: dict[str, ServiceProcess]) -> Iterator[None]:
    """Fails the test when a service ended meanwhile; nothing starts one again here."""
    yield
    ended = [name for name, service in services.items() if not service.running]
    assert not ended, "\n".join(services[name].output()[-3000:] for name in ended)


@pytest.fixture
def keyed(client: httpx.Client, api_key: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=client.base_url, timeout=20.0, headers={"x-api-key": api_key}) as connected:
        yield connected


async def learned(store: Store, tier: str) -> dict[str, dict[str, bytes | str]]:
    """Return what the store has of each arm, to the byte."""
    changes = await TierStore(store, tier).changes()
    return {str(arm): encode_arm(state) for arm, state in changes.arms.items()}


async def dead_letters(bus: Bus, stream: str) -> int:
    return (await bus.subjects(DEAD, "dead.*")).get(f"dead.{stream.lower()}", 0)


async def append(bus: Bus, subject: str, messages: list[bytes]) -> int:
    """Append what the stream takes; return the sequence of the last one."""
    last = 0
    for message in messages:
        try:
            last = (await bus.append(subject, message)).sequence
        except AppendRefused:
            assert len(message) > 500_000
    return last


async def learned_through(store: Store, tier: str, sequence: int) -> None:
    async def there() -> bool:
        return (await TierStore(store, tier).changes()).watermark >= sequence

    await eventually(there, f"{tier} learned up to {sequence}")


async def check_alive(keyed: httpx.Client, bus: Bus, store: Store) -> None:
    """A decision by a policy and its outcome still work in each tier, and the store equals the log."""
    for tier, more in (("SIMPLE", {}), ("OPEN", {"candidates": [{"provider": "p", "model": "m"}]})):
        decision = await asyncio.to_thread(decide, keyed, tier=tier, **more)
        assert not decision["degraded"], tier
        answer = await asyncio.to_thread(report, keyed, decision["decision_id"], reward=50)
        assert answer.status_code == 202, answer.text
        last = await bus.last(OUTCOMES, f"outcomes.{tier}")
        assert last is not None
        await learned_through(store, tier, last.sequence)
        audit = await audit_tier(bus, store, tier)
        assert audit.difference == "", tier


async def test_broken_requests_to_the_replicas_are_refused_and_change_nothing(
    keyed: httpx.Client, bus: Bus, store: Store
) -> None:
    await check_alive(keyed, bus, store)
    before = await learned(store, "SIMPLE"), (await bus.info(DECISIONS)).state.messages
    accepted = 0
    for payload in [*broken(1, encode(REQUEST), golden("decision_request")), TOO_LARGE]:
        answer = await bus.requests.call("decide.SIMPLE", payload, 5.0)
        if answer.headers and "Nats-Service-Error-Code" in answer.headers:
            problem = decode(problem_decoder, answer.data)
            assert (problem.status, answer.headers["Nats-Service-Error-Code"]) == (422, "422")
            assert problem.errors
        else:
            assert not decode(decision_decoder, answer.data).degraded
            accepted += 1
    assert accepted < COUNT / 2
    after = await learned(store, "SIMPLE"), (await bus.info(DECISIONS)).state.messages
    assert after == (before[0], before[1] + accepted)
    await check_alive(keyed, bus, store)


async def test_broken_notices_change_nothing(keyed: httpx.Client, bus: Bus, store: Store) -> None:
    notices = broken(2, golden("arms_changed"), golden("arms_changed", tier="OPEN", as_of_ms=2**62))
    for tier in ("SIMPLE", "OPEN", "NOPE"):
        for payload in [*notices, TOO_LARGE]:
            await bus.publish(f"arms.{tier}", payload)
    await bus.nats.flush()
    await check_alive(keyed, bus, store)


async def test_broken_outcomes_become_dead_letters_and_the_rest_counts(
    keyed: httpx.Client, bus: Bus, store: Store
) -> None:
    await check_alive(keyed, bus, store)
    before = await dead_letters(bus, OUTCOMES)
    dead = -(await audit_tier(bus, store, "SIMPLE")).dead
    event = decode(event_decoder, (await stored_decision(bus)))
    good = Outcome(
        decision_id="SIMPLE.1.0123456789abcdef",
        tier="SIMPLE",
        provider=event.provider,
        model=event.model,
        decision_sequence=1,
        context=CONTEXT,
        accepted_at_ms=1,
        quality=50.0,
        cost_usd=0.5,
    )
    outcomes = broken(3, encode(good), golden("outcome"), golden("outcome.reward"), golden("outcome.degraded"))
    for times in ({"accepted_at_ms": 10**400}, {"decided_at_ms": -(10**400)}):  # beyond every float; good otherwise
        decision_id = (await asyncio.to_thread(decide, keyed))["decision_id"]
        about = {"decision_id": decision_id, "decision_sequence": parse_id(decision_id).sequence, "decided_at_ms": 1}
        outcomes.append(json.dumps({**json.loads(encode(good)), **about, **times}).encode())
    await learned_through(store, "SIMPLE", await append(bus, "outcomes.SIMPLE", [*outcomes, TOO_LARGE]))
    dead += (await audit_tier(bus, store, "SIMPLE")).dead
    assert dead > COUNT / 2
    assert await dead_letters(bus, OUTCOMES) - before == dead
    await check_alive(keyed, bus, store)


async def test_outcomes_that_are_all_broken_leave_every_byte_as_it_was(
    keyed: httpx.Client, bus: Bus, store: Store
) -> None:
    await check_alive(keyed, bus, store)
    before = await learned(store, "SIMPLE")
    outcomes = [
        payload
        for payload in broken(4, golden("outcome"), golden("outcome.reward"))
        if read_outcome("outcomes.SIMPLE", payload, 1, 1).outcome is None
    ]
    assert len(outcomes) > COUNT / 2
    last = await append(bus, "outcomes.SIMPLE", outcomes)
    await append(bus, "outcomes.NOPE", outcomes[:20])
    await learned_through(store, "SIMPLE", last)
    assert await learned(store, "SIMPLE") == before
    await check_alive(keyed, bus, store)


async def test_broken_decisions_in_the_log_become_dead_letters_and_the_report_stays_right(
    keyed: httpx.Client, bus: Bus, store: Store
) -> None:
    await check_alive(keyed, bus, store)
    before = await dead_letters(bus, DECISIONS)
    good = await stored_decision(bus)
    events = broken(5, good, golden("decision_event"))
    ids = []
    dead = 0
    for payload in events:
        sequence = (await bus.append("log.decisions.SIMPLE", payload)).sequence
        ids.append(f"SIMPLE.{sequence}.0123456789abcdef")
        try:
            check_event(decode(event_decoder, payload), "SIMPLE")
        except MessageError:
            dead += 1
    assert dead > COUNT / 2

    async def dead_letters_arrived() -> bool:
        return await dead_letters(bus, DECISIONS) - before >= dead

    await eventually(dead_letters_arrived, "dead letters")
    assert await dead_letters(bus, DECISIONS) - before == dead
    shown = await asyncio.to_thread(keyed.get, "/v1/shadow/report", params={"tier": "SIMPLE"})
    assert shown.status_code == 200, shown.text
    (policy,) = shown.json()["policies"]
    assert 0.0 <= policy["agreement"] <= 1.0
    for decision_id in ids:  # what a client makes of them: looking one up, or reporting on it, never fails
        for answer in (
            await asyncio.to_thread(keyed.get, f"/v1/decisions/{decision_id}"),
            await asyncio.to_thread(report, keyed, decision_id, reward=1),
        ):
            assert answer.status_code in (200, 202, 404), answer.text
    await check_alive(keyed, bus, store)


async def stored_decision(bus: Bus) -> bytes:
    stored = await bus.last(DECISIONS, "log.decisions.SIMPLE")
    assert stored is not None
    return stored.data


async def test_broken_policies_in_the_bucket_leave_the_live_ones_in_force_and_can_be_replaced(
    keyed: httpx.Client, bus: Bus, store: Store
) -> None:
    listed = (await asyncio.to_thread(keyed.get, "/v1/policies")).json()["policies"]
    (before,) = [tier for tier in listed if tier["tier"] == "SIMPLE"]
    unreadable = 0
    for payload in [*broken(6, golden("tier_policies")), b""]:
        await append(bus, "$KV.policies.SIMPLE", [payload])
        try:
            decode(policies_decoder, payload)
            continue
        except MessageError:
            unreadable += 1
        shown = await asyncio.to_thread(keyed.get, "/v1/policies")
        assert shown.status_code == 503, shown.text
        assert "SIMPLE" in shown.json()["detail"] or "newer" in shown.json()["detail"]
        reported = await asyncio.to_thread(keyed.get, "/v1/shadow/report")
        assert reported.status_code in (200, 503), reported.text
    await append(bus, "$KV.policies.NOPE", [b"{}"])
    assert unreadable > COUNT / 4
    decision = await asyncio.to_thread(decide, keyed)
    assert decision["provider"]
    wanted = {"active": before["active"], "shadows": before["shadows"]}
    answer = await asyncio.to_thread(keyed.put, "/v1/policies/SIMPLE", json=wanted)
    assert answer.status_code == 200, answer.text

    async def in_force() -> bool:
        decided = await asyncio.to_thread(decide, keyed)
        return bool(decided["policy_version"] == answer.json()["version"])

    await eventually(in_force, "policies in force again")
    await check_alive(keyed, bus, store)


async def test_requests_without_a_reply_and_to_no_tier_are_survived(
    keyed: httpx.Client, bus: Bus, store: Store
) -> None:
    for payload in (encode(REQUEST), b"{", b""):
        await bus.publish("decide.SIMPLE", payload)
        await bus.publish("decide.NOPE", payload)
        await bus.publish("decisions.SIMPLE", payload)
    try:
        answer = await bus.requests.call("decide.NOPE", encode({**REQUEST, "tier": "NOPE"}), 5.0)
    except BusUnavailable:
        pytest.fail("no answer")
    assert decode(problem_decoder, answer.data).errors[0].field == "tier"
    await check_alive(keyed, bus, store)
