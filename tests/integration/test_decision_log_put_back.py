"""A decision log that gives out sequences again: no decision gets an id whose outcome was learned from already."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from nats.js.api import StreamConfig

from pointsman.contracts.config import Config
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.decision import DecisionRequest
from pointsman.contracts.messages.ids import parse_id
from pointsman.contracts.messages.problem import problem_decoder
from pointsman.runtime.bus import Bus
from pointsman.runtime.store.store import Store
from tests.support.fixtures import StartService
from tests.support.loop_calls import applied_through, decide, outcome_of, prepare, report
from tests.support.processes import ServiceProcess

pytestmark = pytest.mark.integration

TIER = "PUT_BACK"


@pytest.fixture(scope="module")
def config_toml() -> str:
    return f'[context]\ndim = 3\n[[tier]]\nname = "{TIER}"\narms = ["p:a", "p:b"]\n'


@pytest.fixture
def services(start_service: StartService, config: Config, nats_url: str) -> Iterator[list[ServiceProcess]]:
    prepare(nats_url, config)
    started = [start_service("decision"), start_service("reward_updater")]
    yield started
    for process in started:
        process.stop()


async def test_a_sequence_that_was_learned_from_is_never_given_out_again(
    bus: Bus, store: Store, config: Config, services: list[ServiceProcess]
) -> None:
    first = await decide(bus, TIER)
    second = await decide(bus, TIER)
    await applied_through(store, TIER, await report(bus, outcome_of(second, quality=80.0)))
    third = await decide(bus, TIER)  # made with what was learned, so that the replica knows of it
    assert sum(score.pulls for score in third.scores) == 1

    manager = bus.nats.jetstream()
    before = (await manager.stream_info(subjects.DECISIONS)).config
    await manager.delete_stream(subjects.DECISIONS)
    sequence = parse_id(first.decision_id).sequence
    await manager.add_stream(
        StreamConfig(
            name=before.name,
            subjects=before.subjects,
            max_bytes=before.max_bytes,
            allow_direct=True,
            first_seq=(sequence or 0) + 1,
        )
    )

    body = encode(DecisionRequest(tier=TIER, context=[1.0, 0.5, -0.5]))
    refused = await bus.requests.call(subjects.decide(TIER), body, 10.0)
    assert refused.headers is not None
    assert refused.headers["Nats-Service-Error-Code"] == "503"
    assert "put back" in problem_decoder.decode(refused.data).detail
    # The next sequence is one that was never learned from.
    assert (parse_id((await decide(bus, TIER)).decision_id).sequence or 0) > (
        parse_id(second.decision_id).sequence or 0
    )
