"""Metric types: those of prometheus_client, with a fast lookup of labelled children and access to current values."""

from collections.abc import Iterable, Mapping
from typing import Generic, Self, TypeVar

import prometheus_client
from prometheus_client.metrics import MetricWrapperBase

# The `_created` series would double the number of series, and no query uses them.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # not annotated in prometheus_client

OTHER = "other"
"""Label of every arm that the configuration does not name."""


class _Instrument(MetricWrapperBase):
    """Fast `labels`: prometheus_client takes a lock and converts every value to str on each call."""

    _metrics: dict[tuple[object, ...], Self]  # type: ignore[assignment]  # children by label values

    def labels(self, *labelvalues: object, **labelkwargs: object) -> Self:
        """Return the child with these label values; without a lock once it exists."""
        return self._metrics.get(labelvalues) or super().labels(*labelvalues, **labelkwargs)

    def values(self) -> dict[tuple[str, ...], float]:
        """Return the value of each child of a counter or gauge, by its label values in the order of the label names."""
        return {tuple(sample.labels.values()): sample.value for family in self.collect() for sample in family.samples}


class Counter(_Instrument, prometheus_client.Counter):
    """Counter with fast `labels`."""

    def total(self) -> float:
        """Return the sum over all children."""
        return sum(self.values().values())


class Gauge(_Instrument, prometheus_client.Gauge):
    """Gauge with fast `labels`."""


class Summary(_Instrument, prometheus_client.Summary):
    """Summary with fast `labels`."""


class Histogram(_Instrument, prometheus_client.Histogram):
    """Histogram with fast `labels`."""

    @property
    def bounds(self) -> tuple[float, ...]:
        """Upper bounds of the buckets, rising, without infinity; shape (B,)."""
        return tuple(float(bound) for bound in self._upper_bounds[:-1])

    def bucket_counts(self, **labels: str) -> list[int]:
        """Return the number of observations in each bucket, summed over the children with the given label values.

        The result has length B + 1 and is not cumulative; the last bucket has no upper bound.
        """
        wanted = [(self._labelnames.index(name), value) for name, value in labels.items()]
        counts = [0] * len(self._upper_bounds)
        for values, child in list(self._metrics.items()):
            if all(values[index] == value for index, value in wanted):
                counts = [count + int(bucket.get()) for count, bucket in zip(counts, child._buckets, strict=True)]
        return counts


ArmInstrument = TypeVar("ArmInstrument", Counter, Summary)


class ArmMetric(Generic[ArmInstrument]):
    """Children of a metric with the labels tier and arm: one per configured arm, and `OTHER` for all others.

    They are created at once, so that arms without a value are exported as zero.

    ``arms``: by tier, pairs of provider and model.
    """

    def __init__(self, metric: ArmInstrument, arms: Mapping[str, Iterable[tuple[str, str]]]) -> None:
        self._other: dict[str, ArmInstrument] = {tier: metric.labels(tier, OTHER) for tier in arms}
        self._children: dict[tuple[str, str, str], ArmInstrument] = {
            (tier, provider, model): metric.labels(tier, f"{provider}:{model}")
            for tier, tier_arms in arms.items()
            for provider, model in tier_arms
        }

    def labels(self, tier: str, provider: str, model: str) -> ArmInstrument:
        """Return the child of an arm."""
        return self._children.get((tier, provider, model)) or self._other[tier]
