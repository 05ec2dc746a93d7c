"""Reading this process's own metrics back, for the view of the whole system."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.samples import Sample

from pointsman.runtime.telemetry import metrics


class HopSource(NamedTuple):
    """A histogram of seconds, and which part of it a hop is."""

    histogram: Histogram
    label: str = ""
    value: str = ""


HOPS: dict[str, HopSource] = {
    "http_decision": HopSource(metrics.http_seconds, "route", "/v1/decisions"),
    "http_outcome": HopSource(metrics.http_seconds, "route", "/v1/outcomes"),
    "replica": HopSource(metrics.decision_seconds),
    "store_commit": HopSource(metrics.commit_seconds),
    "llm_overhead": HopSource(metrics.llm_overhead_seconds),
    "llm_first_byte": HopSource(metrics.llm_first_byte_seconds),
    **{
        name: HopSource(metrics.hop_seconds, "hop", name)
        for name in ("gateway_decision", "decision_log", "outcome_log", "outcome_commit", "commit_replica")
    },
}
"""The hops of the system's view, by name; `docs/reference/metrics.md` says what each one is."""


def bucket_bounds(name: str) -> tuple[float, ...]:
    """Return the upper bounds of a hop's buckets in seconds, without infinity."""
    return tuple(float(bound) for bound in HOPS[name].histogram._upper_bounds[:-1])


def bucket_counts(name: str) -> tuple[float, ...]:
    """Return how many times of a hop are in each bucket since the process began; empty when it has none at all."""
    source = HOPS[name]
    cumulated: dict[float, float] = {}
    for sample in _samples(source.histogram):
        if sample.name.endswith("_bucket") and (not source.label or sample.labels[source.label] == source.value):
            bound = float(sample.labels["le"])
            cumulated[bound] = cumulated.get(bound, 0.0) + sample.value
    counts, below = [], 0.0
    for bound in sorted(cumulated):
        counts.append(cumulated[bound] - below)
        below = cumulated[bound]
    return tuple(counts) if below > 0.0 else ()


def counted(counter: Counter, **labels: str) -> float:
    """Return the sum of a counter over all of its labels but those given; a value may end in ``*``."""
    return sum(
        sample.value
        for sample in _samples(counter)
        if sample.name.endswith("_total") and all(_is(sample.labels[name], value) for name, value in labels.items())
    )


def counted_by(counter: Counter, *labels: str) -> dict[tuple[str, ...], float]:
    """Return the numbers of a counter by the values of its labels, in the order that is asked for."""
    return {
        tuple(sample.labels[label] for label in labels): sample.value
        for sample in _samples(counter)
        if sample.name.endswith("_total")
    }


def gauge_of(gauge: Gauge, tier: str) -> float | None:
    """Return a tier's gauge; None while it was never set."""
    return next((sample.value for sample in _samples(gauge) if sample.labels.get("tier") == tier), None)


def _samples(metric: MetricWrapperBase) -> Iterable[Sample]:
    for family in metric.collect():
        yield from family.samples


def _is(found: str, wanted: str) -> bool:
    return found.startswith(wanted[:-1]) if wanted.endswith("*") else found == wanted
