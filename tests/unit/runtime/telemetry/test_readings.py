from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from pointsman.runtime.telemetry import metrics
from pointsman.runtime.telemetry.readings import (
    HOPS,
    HopSource,
    bucket_bounds,
    bucket_counts,
    counted,
    counted_by,
    gauge_of,
)


def test_buckets_are_summed_over_the_other_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    histogram = Histogram("h", "", ["hop", "tier"], buckets=(1.0, 2.0), registry=CollectorRegistry())
    monkeypatch.setitem(HOPS, "one", HopSource(histogram, "hop", "one"))
    monkeypatch.setitem(HOPS, "none", HopSource(histogram, "hop", "none"))
    for hop, tier, value in (("one", "S", 0.5), ("one", "T", 1.5), ("one", "T", 9.0), ("two", "T", 0.1)):
        histogram.labels(hop, tier).observe(value)
    assert bucket_bounds("one") == (1.0, 2.0)
    assert bucket_counts("one") == (1.0, 1.0, 1.0)
    assert bucket_counts("none") == ()


def test_counters_are_summed_by_some_labels() -> None:
    counter = Counter("c", "", ["route", "status"], registry=CollectorRegistry())
    for route, status, times in (("/a", "200", 3), ("/a", "503", 2), ("/b", "500", 1), ("/b", "404", 4)):
        counter.labels(route, status).inc(times)
    assert counted(counter) == 10.0
    assert counted(counter, status="5*") == 3.0
    assert counted(counter, route="/a", status="200") == 3.0
    assert counted_by(counter, "status", "route")["503", "/a"] == 2.0
    assert sum(counted_by(counter, "route", "status").values()) == 10.0


def test_a_gauge_that_was_never_set_is_none() -> None:
    gauge = Gauge("g", "", ["tier"], registry=CollectorRegistry())
    assert gauge_of(gauge, "S") is None
    gauge.labels("S").set(4)
    gauge.labels("T").set(7)
    assert gauge_of(gauge, "S") == 4.0


def test_every_hop_has_its_metric() -> None:
    for name in HOPS:
        bounds = bucket_bounds(name)
        assert list(bounds) == sorted(bounds)
        assert bounds[-1] < float("inf")
    assert HOPS["replica"].histogram is metrics.decision_seconds
