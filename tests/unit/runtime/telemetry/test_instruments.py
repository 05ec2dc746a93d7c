from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from pointsman.runtime.telemetry.instruments import ArmMetric, Counter, Gauge, Histogram


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def test_labels_return_the_same_child_until_it_is_removed(registry: CollectorRegistry) -> None:
    gauge = Gauge("g", "", ["route", "status"], registry=registry)
    child = gauge.labels("/a", "200")
    assert gauge.labels("/a", "200") is child
    assert gauge.labels("/a", 200) is child
    assert gauge.labels(status="200", route="/a") is child
    gauge.remove("/a", "200")
    assert gauge.labels("/a", "200") is not child
    with pytest.raises(ValueError, match="label count"):
        gauge.labels("/a")


def test_values_are_those_of_each_child(registry: CollectorRegistry) -> None:
    counter = Counter("c", "", ["route", "status"], registry=registry)
    assert counter.values() == {}
    for route, status, times in (("/a", "200", 3), ("/a", "503", 2), ("/b", "500", 1)):
        counter.labels(route, status).inc(times)
    assert counter.values() == {("/a", "200"): 3.0, ("/a", "503"): 2.0, ("/b", "500"): 1.0}
    gauge = Gauge("g", "", ["tier"], registry=registry)
    gauge.labels("S").set(4)
    assert gauge.values() == {("S",): 4.0}


def test_buckets_are_summed_over_the_other_labels(registry: CollectorRegistry) -> None:
    histogram = Histogram("h", "", ["hop", "tier"], buckets=(1.0, 2.0), registry=registry)
    for hop, tier, value in (("one", "S", 0.5), ("one", "T", 1.5), ("one", "T", 9.0), ("two", "T", 0.1)):
        histogram.labels(hop, tier).observe(value)
    assert histogram.bounds == (1.0, 2.0)
    assert histogram.bucket_counts(hop="one") == [1, 1, 1]
    assert histogram.bucket_counts(tier="T") == [1, 1, 1]
    assert histogram.bucket_counts() == [2, 1, 1]
    assert histogram.bucket_counts(hop="none") == [0, 0, 0]


def test_arms_that_are_not_configured_are_counted_as_other(registry: CollectorRegistry) -> None:
    counter = Counter("c", "", ["tier", "arm"], registry=registry)
    arms = ArmMetric(counter, {"S": [("p", "a")], "T": []})
    assert counter.values() == {("S", "p:a"): 0.0, ("S", "other"): 0.0, ("T", "other"): 0.0}
    arms.labels("S", "p", "a").inc()
    arms.labels("S", "p", "b").inc()
    arms.labels("S", "q", "a").inc()
    assert counter.values() == {("S", "p:a"): 1.0, ("S", "other"): 2.0, ("T", "other"): 0.0}
