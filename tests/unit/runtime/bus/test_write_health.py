"""Whether NATS stores what is appended, as the results of the appends show it."""

from __future__ import annotations

import pytest

from pointsman.contracts.messages import subjects
from pointsman.runtime.bus.jetstream import storage_refusal
from pointsman.runtime.bus.write_health import FORGET_AFTER_S, LASTING_S, WriteHealth, stream_of


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health(clock: Clock) -> WriteHealth:
    return WriteHealth(clock)


def test_a_stream_that_acknowledges_nothing_is_a_problem_until_it_does(health: WriteHealth, clock: Clock) -> None:
    health.failed("outcomes.T", "no answer", sent_before_s=LASTING_S)
    assert health.problems() == {"OUTCOMES": "no answer, for 3 s"}
    assert health.state() == "OUTCOMES: no answer, for 3 s"
    health.succeeded("log.decisions.T")
    assert health.state() != "ok"
    clock.now_s += 1.0
    health.succeeded("outcomes.T")
    assert health.state() == "ok"


def test_one_lost_append_among_others_is_not_a_problem(health: WriteHealth, clock: Clock) -> None:
    health.succeeded("outcomes.T")
    clock.now_s += 1.0
    health.failed("outcomes.T", "no answer", sent_before_s=5.0)
    assert health.problems() == {}


def test_a_failure_that_has_just_begun_is_not_a_problem_yet(health: WriteHealth, clock: Clock) -> None:
    health.failed("rewards.T", "no answer", sent_before_s=0.5)
    assert health.state() == "ok"
    clock.now_s += LASTING_S
    assert list(health.problems()) == ["REWARDS"]


def test_what_a_stream_did_long_ago_or_before_a_reconnect_is_forgotten(health: WriteHealth, clock: Clock) -> None:
    health.failed("alerts.halted.T", "no answer", sent_before_s=LASTING_S)
    clock.now_s += FORGET_AFTER_S
    assert health.problems() == {}
    health.failed("alerts.halted.T", "no answer", sent_before_s=LASTING_S)
    health.reset()
    assert health.problems() == {}


def test_requests_to_services_are_no_appends(health: WriteHealth) -> None:
    health.failed("decide.T", "no answer", sent_before_s=LASTING_S)
    health.failed("$JS.API.INFO", "no answer", sent_before_s=LASTING_S)
    assert health.problems() == {}


@pytest.mark.parametrize(
    ("subject", "stream"),
    [
        *((pattern.replace("*", "T"), stream) for stream, pattern in subjects.STREAM_SUBJECTS.items()),
        ("$KV.policies.T", subjects.POLICIES_STREAM),
        ("probe.gateway", subjects.PROBE_STREAM),
        (subjects.decision_topic("T"), ""),
        (subjects.status("gateway"), ""),
    ],
)
def test_the_stream_of_a_subject(subject: str, stream: str) -> None:
    assert stream_of(subject) == stream


@pytest.mark.parametrize(
    ("response", "refusal"),
    [
        (b'{"error":{"code":503,"err_code":10047,"description":"insufficient storage"},"stream":"S","seq":0}', True),
        (b'{"error":{"code":503,"err_code":10077,"description":"write: no space left on device"},"seq":0}', True),
        (b'{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"},"stream":"S","seq":0}', False),
        (b'{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 5"},"stream":"S","seq":0}', False),
        (b'{"stream":"S","seq":9}', False),
        (b'{"error', False),
    ],
)
def test_only_a_refusal_for_want_of_storage_is_one(response: bytes, refusal: bool) -> None:
    assert bool(storage_refusal(response)) is refusal
