from __future__ import annotations

from collections import Counter

from pointsman.runtime.telemetry import metrics
from pointsman.runtime.telemetry.recent_counts import HOPS, SAMPLE_INTERVAL_S, WINDOW_S, MetricCounts, RecentCounts


class Process:
    """A clock, and counts that the test sets."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.counts = MetricCounts(0, 0, Counter(), Counter())
        self.recent = RecentCounts(lambda: self.counts, lambda: self.now_s)

    def set(self, now_s: float, decisions: int) -> None:
        self.now_s = now_s
        self.counts = self.counts._replace(decisions=decisions)


def test_counts_are_the_difference_to_the_newest_sample_that_is_a_minute_old() -> None:
    process = Process()
    for step in range(1, 13):
        process.set(100.0 + SAMPLE_INTERVAL_S * step, 5 + step)
        process.recent.sample()
    process.set(224.0, 20)
    over_s, counts = process.recent.recent()
    assert over_s == 64.0
    assert counts.decisions == 20 - 11


def test_counts_of_the_first_minute_start_with_the_process() -> None:
    process = Process()
    process.set(110.0, 6)
    process.recent.sample()
    process.set(115.0, 9)
    over_s, counts = process.recent.recent()
    assert (over_s, counts.decisions) == (15.0, 9)


def test_new_labels_count_from_zero_and_unchanged_counts_are_left_out() -> None:
    earlier = MetricCounts(0, 3, Counter({("S", "nats"): 2}), Counter({("replica", 0): 3, ("replica", 1): 1}))
    now = MetricCounts(
        0, 3, Counter({("S", "nats"): 2, ("T", "timeout"): 1}), Counter({("replica", 0): 3, ("replica", 1): 5})
    )
    assert now.since(earlier) == MetricCounts(0, 0, Counter({("T", "timeout"): 1}), Counter({("replica", 1): 4}))


def test_only_samples_of_the_window_are_kept() -> None:
    process = Process()
    for step in range(1000):
        process.set(100.0 + SAMPLE_INTERVAL_S * step, step)
        process.recent.sample()
    assert len(process.recent._samples) <= WINDOW_S / SAMPLE_INTERVAL_S + 2


def test_counts_of_this_process_are_read_from_its_metrics() -> None:
    before = MetricCounts.read()
    metrics.decisions.labels("T", "policy", "false").inc(2)
    metrics.outcomes_accepted.labels("T", "true").inc()
    metrics.fallbacks.labels("T", "timeout").inc(3)
    metrics.hop_seconds.labels("outcome_log", "T").observe(0.0001)
    metrics.hop_seconds.labels("outcome_log", "U").observe(0.0001)
    metrics.http_seconds.labels("/v1/decisions").observe(1e9)
    difference = MetricCounts.read().since(before)
    last = len(metrics.http_seconds.bounds)
    assert difference == MetricCounts(
        2, 1, Counter({("T", "timeout"): 3}), Counter({("outcome_log", 0): 2, ("http_decision", last): 1})
    )


def test_hops_name_labels_of_their_histogram() -> None:
    assert HOPS["replica"] == (metrics.decision_seconds, {})
    for histogram, labels in HOPS.values():
        assert labels.keys() <= set(histogram._labelnames)
        assert list(histogram.bounds) == sorted(histogram.bounds)
