"""Answers that wait for feedback: it is merged, they count once, and nothing is lost when a service dies."""

from __future__ import annotations

from typing import Any

import httpx
import openai
import pytest

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.feedback import Feedback, PendingOutcome, pending_decoder
from pointsman.contracts.messages.ids import parse_id
from pointsman.core.bandit import Arm
from pointsman.runtime.bus import Bus
from pointsman.runtime.store import keys
from pointsman.runtime.store.store import Store
from tests.integration.llm.conftest import CONFIG, unique
from tests.integration.llm.outcomes import decision_id, outcome_of, outcomes_of, pulls
from tests.support.fixtures import RELAXED_TIMEOUTS, StartService
from tests.support.loop_calls import assert_store_equals_log, read_all
from tests.support.mock_provider import MockProviderProcess
from tests.support.processes import ServiceProcess, free_port
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

MORE = """
[[tier]]
name = "WAIT"
arms = ["alpha:small"]
reward_wait_s = 6.0

[[tier]]
name = "LONG"
arms = ["alpha:small"]
reward_wait_s = 600.0

[[tier]]
name = "STAND-IN"
arms = ["alpha:broken", "alpha:small"]
reward_wait_s = 2.0
[tier.policy]
algorithm = "static:alpha:broken"

[[price]]
provider = "alpha"
model = "small"
input_usd_per_million = 1000.0
output_usd_per_million = 2000.0

[[metric]]
name = "minutes_to_resolve"
low = 60
high = 0
"""


@pytest.fixture(scope="module")
def config_toml(alpha: MockProviderProcess, beta: MockProviderProcess) -> str:
    return CONFIG.format(alpha=alpha.url, beta=beta.url, closed=free_port()) + MORE


@pytest.fixture
def api(services: dict[str, ServiceProcess]) -> Any:
    with httpx.Client(base_url=services["gateway"].url, timeout=20.0) as client:
        yield client


def ask(client: openai.OpenAI, tier: str) -> tuple[str, str]:
    """Ask one question; return the ids of the decision and of the answer."""
    messages: list[Any] = [{"role": "user", "content": unique("Which track?")}]
    raw = client.chat.completions.with_raw_response.create(model=f"tier/{tier}", messages=messages)
    return decision_id(raw.headers), raw.parse().id


def send_feedback(api: httpx.Client, **body: Any) -> httpx.Response:
    return api.post("/v1/feedback", json=body)


def decide(api: httpx.Client, tier: str) -> str:
    """Have a decision made by the other route; return its id."""
    decision: str = api.post("/v1/decisions", json={"tier": tier, "context": [0.5] * 12}).json()["decision_id"]
    return decision


def report(api: httpx.Client, **body: Any) -> httpx.Response:
    return api.post("/v1/outcomes", json=body)


async def waiting(bus: Bus, tier: str) -> list[PendingOutcome | Feedback]:
    return [pending_decoder.decode(data) for data in await read_all(bus, subjects.FEEDBACK, subjects.feedback(tier))]


async def test_the_last_feedback_becomes_the_quality_and_what_was_measured_stays(
    openai_client: openai.OpenAI, api: httpx.Client, bus: Bus, store: Store
) -> None:
    before = (await pulls(bus, store, "WAIT")).get(Arm("alpha", "small"), 0)
    rated, unrated = ask(openai_client, "WAIT"), ask(openai_client, "WAIT")
    answer = send_feedback(api, decision_id=rated[0], thumbs="down")
    assert (answer.status_code, answer.json()) == (
        202,
        {"decision_id": rated[0], "quality": 0.0, "status": "accepted"},
    )
    metric = {"name": "minutes_to_resolve", "value": 15}
    assert send_feedback(api, response_id=rated[1], metric=metric).status_code == 202
    outcome, other = await outcome_of(bus, rated[0]), await outcome_of(bus, unrated[0])
    assert outcome.quality == 75.0
    assert outcome.feedback is not None
    assert outcome.feedback.source == "metric:minutes_to_resolve"
    assert (other.quality, other.feedback) == (100.0, None)
    for found in (outcome, other):
        served = found.served
        assert served is not None
        assert served.input_tokens and served.output_tokens
        assert found.cost_usd == pytest.approx((served.input_tokens * 1000 + served.output_tokens * 2000) * 1e-6)
        assert {part.name: part.value for part in served.scores} == {"complete": 1.0, "content": 1.0}
    assert (await pulls(bus, store, "WAIT"))[Arm("alpha", "small")] == before + 2
    late = send_feedback(api, decision_id=rated[0], quality=1)
    assert late.status_code == 409
    assert "was counted with quality 75" in late.json()["detail"]
    kept = [message for message in await waiting(bus, "WAIT") if isinstance(message, Feedback) and message.late]
    assert [(message.outcome.decision_id, message.quality) for message in kept] == [(rated[0], 1.0)]


async def test_feedback_on_a_decision_without_an_outcome_is_its_outcome(api: httpx.Client, bus: Bus) -> None:
    decision = decide(api, "WAIT")
    assert send_feedback(api, decision_id=decision, quality=42).status_code == 202
    outcome = await outcome_of(bus, decision)
    assert (outcome.quality, outcome.cost_usd, outcome.latency_ms, outcome.learn) == (42.0, None, None, True)
    assert outcome.context == [0.5] * 12


async def test_where_nothing_waits_feedback_counts_at_once_or_is_late(
    openai_client: openai.OpenAI, api: httpx.Client, bus: Bus
) -> None:
    decision = decide(api, "ONE")
    assert send_feedback(api, decision_id=decision, quality=42).status_code == 202
    assert (await outcome_of(bus, decision)).quality == 42.0
    assert send_feedback(api, decision_id=decision, quality=43).status_code == 409
    served, _ = ask(openai_client, "ONE")
    await outcome_of(bus, served)
    assert send_feedback(api, decision_id=served, thumbs="up").status_code == 409


async def test_an_outcome_that_is_reported_meanwhile_is_the_one_that_counts(
    openai_client: openai.OpenAI, api: httpx.Client, bus: Bus, store: Store
) -> None:
    decision, _ = ask(openai_client, "WAIT")
    assert report(api, decision_id=decision, quality=7).status_code == 202
    after, _ = ask(openai_client, "WAIT")  # when this one has counted, the one before has been passed by
    await outcome_of(bus, after)
    assert [outcome.quality for outcome in await outcomes_of(bus, decision)] == [7.0]


async def test_a_thumb_for_the_stand_in_is_no_evidence_about_the_arm_that_failed(
    openai_client: openai.OpenAI, api: httpx.Client, bus: Bus
) -> None:
    decision, _ = ask(openai_client, "STAND-IN")
    assert send_feedback(api, decision_id=decision, thumbs="up").status_code == 202
    outcome = await outcome_of(bus, decision)
    assert (outcome.model, outcome.quality, outcome.cost_usd) == ("broken", 0.0, None)
    assert outcome.served is not None
    assert outcome.served.cost_usd
    assert outcome.feedback is not None
    assert outcome.feedback.quality == 100.0


async def test_a_named_arm_is_not_learned_from_whatever_the_feedback(
    openai_client: openai.OpenAI, api: httpx.Client, bus: Bus
) -> None:
    messages: list[Any] = [{"role": "user", "content": unique("Which track?")}]
    raw = openai_client.chat.completions.with_raw_response.create(model="alpha:small", messages=messages)
    decision = decision_id(raw.headers)
    assert not (await outcome_of(bus, decision)).learn
    send_feedback(api, decision_id=decision, thumbs="up")
    assert not any(outcome.learn for outcome in await outcomes_of(bus, decision))


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"quality": 5}, 422, "decision_id"),
        ({"decision_id": "x", "response_id": "y", "quality": 5}, 422, "response_id"),
        ({"decision_id": "WAIT.5.0123456789abcdef"}, 422, "quality"),
        ({"decision_id": "WAIT.5.0123456789abcdef", "quality": 5, "thumbs": "up"}, 422, "thumbs"),
        ({"decision_id": "WAIT.5.0123456789abcdef", "quality": 101}, 422, "quality"),
        ({"decision_id": "WAIT.5.0123456789abcdef", "thumbs": "sideways"}, 422, "thumbs"),
        ({"decision_id": "WAIT.5.0123456789abcdef", "metric": {"name": "x", "value": 1}}, 422, "metric.name"),
        ({"decision_id": "WAIT.5.0123456789abcdef", "metric": {"name": "x"}}, 422, "metric.value"),
        ({"decision_id": "not an id", "quality": 5}, 422, "decision_id"),
        ({"decision_id": "NONE.5.0123456789abcdef", "quality": 5}, 404, "decision_id"),
        ({"decision_id": "WAIT.5.0123456789abcdef", "quality": 5}, 404, "decision_id"),
        ({"response_id": "chatcmpl-unknown", "quality": 5}, 404, "response_id"),
        ({"response_id": "", "quality": 5}, 422, "response_id"),
        ({"decision_id": "WAIT.5.0123456789abcdef", "quality": 5, "unknown": 1}, 422, "unknown"),
    ],
)
async def test_what_is_wrong_is_named_and_changes_nothing(
    api: httpx.Client, bus: Bus, body: dict[str, Any], status: int, field: str
) -> None:
    before = (await bus.info(subjects.FEEDBACK)).state.last_seq
    answer = send_feedback(api, **body)
    assert answer.status_code == status, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert (await bus.info(subjects.FEEDBACK)).state.last_seq == before


async def test_when_a_service_is_killed_in_mid_wait_each_answer_counts_once_with_its_feedback(
    services: dict[str, ServiceProcess],
    start_service: StartService,
    openai_client: openai.OpenAI,
    api: httpx.Client,
    bus: Bus,
    store: Store,
) -> None:
    before = sum((await pulls(bus, store, "WAIT")).values())
    second = start_service("reward_updater-2", **RELAXED_TIMEOUTS)
    qualities: dict[str, float] = {}
    for at in range(30):
        decision, response = ask(openai_client, "WAIT")
        qualities[decision] = 100.0 if at % 3 == 0 else float(at)
        if at % 3:
            name = {"decision_id": decision} if at % 2 else {"response_id": response}
            assert send_feedback(api, **name, quality=float(at)).status_code == 202
        if at == 10:
            services["reward_updater"].kill()
        if at == 20:
            services["gateway"].kill()
            services["gateway"].start()
            openai_client.base_url = services["gateway"].url + "/v1"
            api.base_url = httpx.URL(services["gateway"].url)
            services["reward_updater"].start()
            second.kill()
            await store.redis.delete(keys.settled("WAIT"))  # the store has lost how far the settler had come
    found = {decision: await outcome_of(bus, decision) for decision in qualities}
    assert {decision: outcome.quality for decision, outcome in found.items()} == qualities
    assert all(outcome.cost_usd for outcome in found.values())
    assert sum((await pulls(bus, store, "WAIT")).values()) == before + 30
    await assert_store_equals_log(bus, store, "WAIT")


async def test_what_still_waits_survives_everything(
    services: dict[str, ServiceProcess], openai_client: openai.OpenAI, api: httpx.Client, bus: Bus, store: Store
) -> None:
    decision, response = ask(openai_client, "LONG")

    async def stored() -> bool:
        return [message.outcome.decision_id for message in await waiting(bus, "LONG")] == [decision]

    await eventually(stored, "the answer waits")

    async def remembered() -> bool:
        return bool([name async for name in store.redis.scan_iter("response:*")])

    await eventually(remembered, "the store knows the answer")
    assert services["gateway"].stop() == 0
    services["gateway"].start()
    api.base_url = httpx.URL(services["gateway"].url)
    assert send_feedback(api, response_id=response, thumbs="up").status_code == 202
    assert await outcomes_of(bus, decision) == []
    sequence = parse_id(decision).sequence
    messages = await waiting(bus, "LONG")
    assert [type(message) for message in messages] == [PendingOutcome, Feedback]
    assert {message.outcome.decision_sequence for message in messages} == {sequence}
