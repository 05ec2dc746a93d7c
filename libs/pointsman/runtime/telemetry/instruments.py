"""Metric types: those of prometheus_client, with a fast lookup of labelled children and access to current values."""

from __future__ import annotations

from typing import Self

import prometheus_client
from prometheus_client.metrics import MetricWrapperBase

# The `_created` series would double the number of series, and no query uses them.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # not annotated in prometheus_client


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

    def bucket_counts(self, label: str | None = None, value: str = "") -> list[int]:
        """Return the number of observations in each bucket, summed over the children.

        Parameters
        ----------
        label, value : str, optional
            Only the children with this label value.

        Returns
        -------
        list of int, length B + 1
            Not cumulative; the last bucket has no upper bound.
        """
        index = None if label is None else self._labelnames.index(label)
        counts = [0] * len(self._upper_bounds)
        for labels, child in list(self._metrics.items()):
            if index is None or labels[index] == value:
                counts = [count + int(bucket.get()) for count, bucket in zip(counts, child._buckets, strict=True)]
        return counts
