"""A gateway that stops finishes the requests in progress, or ends them with an error that clients understand."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import anthropic
import httpx
import openai
import pytest

from pointsman.runtime.bus import Bus
from tests.integration.llm.conftest import MOCK_KEY, unique
from tests.integration.llm.outcomes import outcome_of
from tests.support.fixtures import RELAXED_TIMEOUTS, StartService
from tests.support.processes import ServiceProcess, http_status

pytestmark = pytest.mark.integration

StartGateway = Callable[..., ServiceProcess]


@pytest.fixture(scope="module")
def decision(start_service: StartService) -> ServiceProcess:
    """A replica; the first gateway creates the streams that it needs."""
    start_service("gateway-first", wait_for="/healthz", MOCK_KEY=MOCK_KEY)
    return start_service("decision", **RELAXED_TIMEOUTS)


@pytest.fixture
def start_gateway(decision: ServiceProcess, start_service: StartService) -> StartGateway:
    def start(**settings: str) -> ServiceProcess:
        variables = {f"POINTSMAN_GATEWAY_{name.upper()}": value for name, value in settings.items()}
        return start_service(f"gateway-{time.monotonic_ns()}", MOCK_KEY=MOCK_KEY, **RELAXED_TIMEOUTS, **variables)

    return start


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


class Streams:
    """An answer of 30 words read by both official clients; ``begun`` is released for each first part."""

    def __init__(self, gateway: ServiceProcess, latency_ms: int, threads: ThreadPoolExecutor) -> None:
        self.begun = threading.Semaphore(0)
        self.decisions: list[str] = []
        self._url = gateway.url
        self._text = f"[mock latency-ms={latency_ms} words=30]"
        self.answers: list[Future[str]] = [threads.submit(self._openai), threads.submit(self._anthropic)]
        for _ in self.answers:
            assert self.begun.acquire(timeout=20.0)

    def _message(self) -> list[Any]:
        return [{"role": "user", "content": f"{unique('hello')} {self._text}"}]

    def _openai(self) -> str:
        words = ""
        with openai.OpenAI(base_url=self._url + "/v1", api_key="none", max_retries=0) as client:
            raw = client.chat.completions.with_raw_response.create(
                model="tier/ONE", messages=self._message(), stream=True
            )
            self.decisions.append(raw.headers["x-pointsman-decision-id"])
            for chunk in raw.parse():
                if chunk.choices and chunk.choices[0].delta.content:
                    words += chunk.choices[0].delta.content
                    self.begun.release()
        return words

    def _anthropic(self) -> str:
        words = ""
        with (
            anthropic.Anthropic(base_url=self._url, api_key="none", max_retries=0) as client,
            client.messages.stream(model="tier/ONE", max_tokens=100, messages=self._message()) as stream,
        ):
            self.decisions.append(stream.response.headers["x-pointsman-decision-id"])
            for text in stream.text_stream:
                words += text
                self.begun.release()
            assert stream.get_final_message().stop_reason == "end_turn"
        return words


def terminate(gateway: ServiceProcess) -> None:
    os.kill(gateway.pid, signal.SIGTERM)


async def test_streams_in_progress_are_finished_and_reported(
    start_gateway: StartGateway, threads: ThreadPoolExecutor, bus: Bus
) -> None:
    gateway = start_gateway(drain_timeout_s="60")
    streams = Streams(gateway, 4000, threads)
    terminate(gateway)
    gateway.wait(lambda: http_status(gateway.url + "/healthz") == 0, "accepts no more connections")
    assert [len(answer.result().split()) for answer in streams.answers] == [30, 30]
    assert gateway.wait_ended() == 0
    for decision_id in streams.decisions:
        outcome = await outcome_of(bus, decision_id)
        assert (outcome.learn, outcome.served and outcome.served.finish) == (True, "stop")


async def test_streams_that_take_too_long_end_with_an_error_event(
    start_gateway: StartGateway, threads: ThreadPoolExecutor, bus: Bus
) -> None:
    gateway = start_gateway(drain_timeout_s="1")
    streams = Streams(gateway, 60_000, threads)
    body = {"model": "tier/ONE", "messages": [{"role": "user", "content": "[mock latency-ms=60000] whole"}]}
    whole = threads.submit(httpx.post, gateway.url + "/v1/chat/completions", json=body, timeout=60.0)
    gateway.wait(lambda: _calls(gateway) == 3.0, "the third request is in progress")
    terminate(gateway)
    for answer, error in zip(streams.answers, (openai.APIError, anthropic.APIStatusError), strict=True):
        with pytest.raises(error, match="the gateway stopped before the answer was complete"):
            answer.result()
    refused = whole.result()
    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) > 0
    assert gateway.wait_ended() == 0
    for decision_id in (*streams.decisions, refused.headers["x-pointsman-decision-id"]):
        assert not (await outcome_of(bus, decision_id)).learn


def test_readiness_ends_first_and_a_second_signal_waits_for_nothing(
    start_gateway: StartGateway, threads: ThreadPoolExecutor
) -> None:
    gateway = start_gateway(drain_timeout_s="600", stop_delay_s="600")
    events = threads.submit(httpx.get, gateway.url + "/v1/events/decisions", timeout=60.0)
    streams = Streams(gateway, 60_000, threads)
    terminate(gateway)
    assert "retry: " in events.result().text, "event streams never end by themselves"
    for probe in ("/readyz", "/healthz"):
        assert http_status(gateway.url + probe) == 503
    body = {"model": "tier/ONE", "messages": [{"role": "user", "content": unique("hello")}]}
    assert httpx.post(gateway.url + "/v1/chat/completions", json=body).status_code == 200
    terminate(gateway)
    for answer in streams.answers:
        with pytest.raises((openai.APIError, anthropic.APIStatusError)):
            answer.result()
    assert gateway.wait_ended() == 0


def _calls(gateway: ServiceProcess) -> float:
    """Return how many chat requests were decided."""
    lines = httpx.get(gateway.url + "/metrics").text.splitlines()
    begin = 'pointsman_hop_seconds_count{hop="gateway_decision",tier="ONE"} '
    return next((float(line.removeprefix(begin)) for line in lines if line.startswith(begin)), 0.0)
