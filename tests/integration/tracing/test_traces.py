"""One trace from the HTTP request through NATS to the shadows, to the commit, and to the replicas that picked it up."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from nats.aio.msg import Msg
from prometheus_client.parser import text_string_to_metric_families

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.ids import parse_id
from pointsman.runtime.bus import Bus
from tests.integration.tracing.collector import NOT_SAMPLED, Collector, ReceivedSpan
from tests.integration.tracing.conftest import ClientSpan
from tests.support.fixtures import RELAXED_TIMEOUTS, StartService
from tests.support.processes import ServiceProcess, free_port
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration

DECISION = {"POST /v1/decisions", "request decide.SIMPLE", "process decide.SIMPLE", "append log.decisions.SIMPLE"}
OUTCOME = {"POST /v1/outcomes", "append outcomes.SIMPLE", "commit SIMPLE", "pick up arms.SIMPLE"}
BODY = {"tier": "SIMPLE", "context": [0.5] * 12}


def decide(client: httpx.Client, span: ClientSpan, body: dict[str, Any] | None = None) -> dict[str, Any]:
    answer = client.post("/v1/decisions", json=body or BODY, headers=span.headers)
    assert answer.status_code == 200, answer.text
    decision: dict[str, Any] = answer.json()
    assert not decision["degraded"], decision
    return decision


def report(client: httpx.Client, span: ClientSpan, decision_id: str) -> None:
    outcome = {"decision_id": decision_id, "quality": 80.0, "cost_usd": 0.001, "latency_ms": 900.0}
    answer = client.post("/v1/outcomes", json=outcome, headers=span.headers)
    assert answer.status_code == 202, answer.text


def only(spans: list[ReceivedSpan]) -> ReceivedSpan:
    assert len(spans) == 1, spans
    return spans[0]


def test_a_decision_is_one_trace_from_the_client_to_the_log(client: httpx.Client, collector: Collector) -> None:
    root = ClientSpan.new()
    decision = decide(client, root)
    trace = collector.trace(root.trace_id, DECISION)
    served, asked, processed, appended = (only(trace[name]) for name in sorted(DECISION, key=_order))
    assert [s.parent_id for s in (served, asked, processed, appended)] == [
        root.span_id,
        served.span_id,
        asked.span_id,
        processed.span_id,
    ]
    assert [s.service for s in (served, processed)] == ["pointsman-gateway", "pointsman-decision"]
    assert processed.attributes["pointsman.decision_id"] == decision["decision_id"]
    assert processed.attributes["pointsman.arm"] == f"{decision['provider']}:{decision['model']}"
    assert served.attributes["http.response.status_code"] == 200
    assert served.began_ns <= processed.began_ns <= appended.began_ns <= appended.ended_ns <= served.ended_ns


def test_the_trace_of_a_decision_goes_on_to_the_shadows(client: httpx.Client, collector: Collector) -> None:
    roots = [ClientSpan.new() for _ in range(3)]
    for root in roots:
        decide(client, root)
    for root in roots:
        trace = collector.trace(root.trace_id, {"append log.decisions.SIMPLE", "evaluate SIMPLE"})
        evaluated = only(trace["evaluate SIMPLE"])
        assert evaluated.service == "pointsman-shadow-evaluator"
        assert evaluated.parent_id == only(trace["append log.decisions.SIMPLE"]).span_id
        assert evaluated.attributes["pointsman.shadows"] == 1
        assert evaluated.attributes["pointsman.decisions"] >= 1
        assert not evaluated.failed


def _order(name: str) -> int:
    return ["POST", "request", "process", "append"].index(name.partition(" ")[0])


def test_an_outcome_is_one_trace_to_the_commit_and_to_every_replica(client: httpx.Client, collector: Collector) -> None:
    deciding, reporting = ClientSpan.new(), ClientSpan.new()
    decision = decide(client, deciding)
    report(client, reporting, decision["decision_id"])
    trace = collector.trace(reporting.trace_id, OUTCOME)
    wait_until(lambda: len(_instances(collector, reporting)) == 2, "both replicas have picked it up")
    served, appended, committed = (
        only(trace[n]) for n in ("POST /v1/outcomes", "append outcomes.SIMPLE", "commit SIMPLE")
    )
    assert served.parent_id == reporting.span_id
    assert served.links == (deciding.trace_id,)  # to the trace of the decision that it is about
    assert appended.parent_id == served.span_id
    assert committed.parent_id == appended.span_id
    assert committed.service == "pointsman-reward-updater"
    for span in collector.trace(reporting.trace_id, OUTCOME)["pick up arms.SIMPLE"]:
        assert span.parent_id == committed.span_id
        assert span.service == "pointsman-decision"
    assert appended.attributes["pointsman.decision_id"] == decision["decision_id"]


def _instances(collector: Collector, root: ClientSpan) -> set[str]:
    picked = [s for s in collector.spans() if s.trace_id == root.trace_id and s.name == "pick up arms.SIMPLE"]
    return {span.instance for span in picked}


def test_every_outcome_of_a_batch_has_the_commit_in_its_trace(client: httpx.Client, collector: Collector) -> None:
    reports = [(decide(client, ClientSpan.new())["decision_id"], ClientSpan.new()) for _ in range(12)]

    async def send_all() -> None:
        async with httpx.AsyncClient(base_url=client.base_url, timeout=20.0) as many:
            answers = await asyncio.gather(
                *(
                    many.post("/v1/outcomes", json={"decision_id": id_, "reward": 50.0}, headers=span.headers)
                    for id_, span in reports
                )
            )
        assert [answer.status_code for answer in answers] == [202] * len(reports)

    asyncio.run(send_all())
    for _, span in reports:
        trace = collector.trace(span.trace_id, {"append outcomes.SIMPLE", "commit SIMPLE"})
        assert only(trace["commit SIMPLE"]).parent_id == only(trace["append outcomes.SIMPLE"]).span_id


def test_a_chat_is_one_trace_with_its_decision_its_attempts_and_its_outcome(
    client: httpx.Client, collector: Collector
) -> None:
    root = ClientSpan.new()
    body = {"model": "tier/FALL", "messages": [{"role": "user", "content": "A secret of mine."}]}
    answer = client.post("/v1/chat/completions", json=body, headers=root.headers)
    assert answer.status_code == 200, answer.text
    names = {"POST /v1/chat/completions", "request decide.FALL", "chat broken", "chat small", "commit FALL"}
    trace = collector.trace(root.trace_id, names)
    served, broken, small = (only(trace[n]) for n in ("POST /v1/chat/completions", "chat broken", "chat small"))
    assert (broken.parent_id, small.parent_id) == (served.span_id, served.span_id)
    assert (broken.failed, small.failed) == (True, False)
    assert served.began_ns <= broken.began_ns <= broken.ended_ns <= small.began_ns <= small.ended_ns <= served.ended_ns
    assert small.attributes["gen_ai.operation.name"] == "chat"
    assert small.attributes["gen_ai.provider.name"] == "alpha"
    assert small.attributes["gen_ai.usage.output_tokens"] > 0
    assert not [s for s in collector.spans() if "secret" in repr(s.attributes)]


def test_what_waits_for_feedback_goes_on_in_its_trace_when_it_counts(
    client: httpx.Client, collector: Collector
) -> None:
    chatting, deciding, telling = ClientSpan.new(), ClientSpan.new(), ClientSpan.new()
    body = {"model": "tier/WAIT", "messages": [{"role": "user", "content": "Hello."}]}
    answer = client.post("/v1/chat/completions", json=body, headers=chatting.headers)
    assert answer.status_code == 200, answer.text
    decision_id = decide(client, deciding, {**BODY, "tier": "WAIT"})["decision_id"]
    answer = client.post("/v1/feedback", json={"decision_id": decision_id, "quality": 70.0}, headers=telling.headers)
    assert answer.status_code == 202, answer.text
    for root, feedback in ((chatting, "untold"), (telling, "told")):
        trace = collector.trace(root.trace_id, {"append feedback.WAIT", "settle feedback.WAIT", "commit WAIT"})
        appended, settled, committed = (
            only(trace[n]) for n in ("append feedback.WAIT", "settle feedback.WAIT", "commit WAIT")
        )
        assert (settled.parent_id, committed.parent_id) == (appended.span_id, settled.span_id)
        assert settled.service == committed.service == "pointsman-reward-updater"
        assert settled.attributes["pointsman.feedback"] == feedback
        assert settled.attributes["pointsman.decision_id"] == appended.attributes["pointsman.decision_id"]
    (served,) = collector.trace(telling.trace_id, {"POST /v1/feedback"})["POST /v1/feedback"]
    assert served.links == (deciding.trace_id,)  # to the trace of the decision that it is about


async def test_what_the_client_does_not_sample_has_no_span_and_no_header(
    client: httpx.Client, collector: Collector, bus: Bus
) -> None:
    published: list[Msg] = []

    async def hear(message: Msg) -> None:
        published.append(message)

    await bus.nats.subscribe(subjects.decision_topic("SIMPLE"), cb=hear)
    await bus.nats.flush()
    silent, traced = ClientSpan.new(NOT_SAMPLED), ClientSpan.new()
    answers = [await asyncio.to_thread(decide, client, span) for span in (silent, traced)]
    await asyncio.to_thread(wait_until, lambda: len(published) == 2, "both on the topic")
    collector.trace(traced.trace_id, DECISION)
    assert not [span for span in collector.spans() if span.trace_id == silent.trace_id]
    stored = [await bus.get(subjects.DECISIONS, parse_id(a["decision_id"]).sequence or 0) for a in answers]
    parents = [message.traceparent if message else "missing" for message in stored]
    assert parents[0] is None
    assert parents[1] is not None and traced.trace_id in parents[1]
    assert not published[0].headers
    assert published[1].headers is not None and traced.trace_id in published[1].headers["traceparent"]


def test_a_refusal_is_in_its_span(client: httpx.Client, collector: Collector) -> None:
    root = ClientSpan.new()
    answer = client.get("/v1/decisions/SIMPLE.1.0000000000", headers=root.headers)
    assert answer.status_code in (404, 422)
    span = only(collector.trace(root.trace_id, {"GET /v1/decisions/{decision_id}"})["GET /v1/decisions/{decision_id}"])
    assert span.attributes["http.response.status_code"] == answer.status_code
    assert span.attributes["http.route"] == "/v1/decisions/{decision_id}"


def test_attempts_are_counted_by_the_names_of_the_conventions(
    client: httpx.Client, services: dict[str, ServiceProcess]
) -> None:
    before = _attempts(client)
    body = {"model": "tier/FALL", "messages": [{"role": "user", "content": "Hello."}]}
    assert client.post("/v1/chat/completions", json=body).status_code == 200
    after = _attempts(client)
    grown = {key: after[key] - before.get(key, 0.0) for key in after if after[key] != before.get(key)}
    failed, served = [key for key in grown if "broken" in key], [key for key in grown if "small" in key]
    kinds = {
        "gen_ai_client_operation_duration_seconds_count",
        "gen_ai_client_operation_time_to_first_chunk_seconds_count",
        "gen_ai_client_token_usage_count",
    }
    assert {key[0] for key in failed} == {"gen_ai_client_operation_duration_seconds_count"}
    assert {key[0] for key in served} == kinds
    assert set(grown.values()) == {1.0}
    assert {key for key in served if key[0] == "gen_ai_client_token_usage_count"} == {
        ("gen_ai_client_token_usage_count", "chat", "alpha", "small", kind) for kind in ("input", "output")
    }


def _attempts(client: httpx.Client) -> dict[tuple[str, ...], float]:
    """The counts of the conventions' metrics, by name and labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(client.get("/metrics").text)
        for sample in family.samples
        if sample.name.startswith("gen_ai_") and sample.name.endswith("_count")
    }


def test_an_unavailable_collector_has_no_effect_on_requests(
    start_service: StartService, services: dict[str, ServiceProcess]
) -> None:
    """That it stops cleanly, too, is checked when it is stopped, after the module."""
    endpoint = f"http://127.0.0.1:{free_port()}"
    alone = start_service("gateway-alone", POINTSMAN_TRACING_ENDPOINT=endpoint, **RELAXED_TIMEOUTS)
    with httpx.Client(base_url=alone.url, timeout=20.0) as client:
        for _ in range(5):
            decision = decide(client, ClientSpan.new())
            report(client, ClientSpan.new(), decision["decision_id"])
