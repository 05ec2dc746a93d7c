"""What a process reports as not working, from its counts of the last minute."""

from __future__ import annotations

from collections import Counter

from pointsman.contracts.messages.status import StatusProblem
from pointsman.runtime.bus.status_problems import count_problems
from pointsman.runtime.telemetry.recent_counts import MetricCounts

NONE = MetricCounts(0, 0, Counter(), Counter())


def test_degraded_answers_are_reported_by_tier_with_their_reasons() -> None:
    counts = NONE._replace(degraded=Counter({("T", "timeout"): 3, ("T", "nats"): 1}))
    assert list(count_problems(counts, 60.0)) == [
        StatusProblem(kind="degraded", subject="tier T", text="4 degraded answers in 60 s (timeout 3, nats 1)")
    ]


def test_a_provider_is_reported_when_many_of_its_attempts_fail() -> None:
    counts = NONE._replace(failed_attempts=Counter({("p", "timeout"): 4}), served=Counter({"p": 6}))
    assert list(count_problems(counts, 60.0)) == [
        StatusProblem(kind="provider", subject="provider p", text="4 of 10 attempts failed in 60 s (timeout 4)")
    ]


def test_a_few_failed_attempts_among_many_are_no_problem() -> None:
    failed: Counter[tuple[str, ...]] = Counter({("busy", "timeout"): 4, ("quiet", "connect"): 2})
    counts = NONE._replace(failed_attempts=failed, served=Counter({"busy": 100}))
    assert list(count_problems(counts, 60.0)) == []


def test_requests_that_a_provider_never_received_are_no_problem_of_the_provider() -> None:
    counts = NONE._replace(
        failed_attempts=Counter({("p", "request"): 400, ("p", "timeout"): 2}), served=Counter({"p": 6})
    )
    assert list(count_problems(counts, 60.0)) == []
