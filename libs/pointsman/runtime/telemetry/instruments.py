"""Metric types: those of prometheus_client, with a fast lookup of labelled children and access to current values."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Any, Generic, Self, TypeVar

import prometheus_client
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.samples import Sample
from prometheus_client.utils import floatToGoString

# The `_created` series would double the number of series, and no query uses them.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # not annotated in prometheus_client

OTHER = "other"
"""Label of every arm that the configuration does not name."""
_number: Callable[[float], str] = floatToGoString
_HEADS = "_pointsman_heads"
"""Attribute of a child: name and labels of its lines."""


class _Instrument(MetricWrapperBase):
    """Fast `labels`: prometheus_client takes a lock and converts every value to str on each call."""

    _metrics: dict[tuple[object, ...], Self]  # type: ignore[assignment]  # children by label values

    def labels(self, *labelvalues: object, **labelkwargs: object) -> Self:
        """Return the child with these label values; without a lock once it exists."""
        return self._metrics.get(labelvalues) or super().labels(*labelvalues, **labelkwargs)

    def exposition(self) -> Iterator[str]:
        """Yield the text of the metric for Prometheus: its head, then the lines of each child."""
        name = f"{self._name}_total" if self._type == "counter" else self._name
        documentation = self._documentation.replace("\\", r"\\").replace("\n", r"\n")
        yield f"# HELP {name} {documentation}\n# TYPE {name} {self._type}\n"
        children = list(self._metrics.values()) if self._labelnames else [self]
        for child in children:
            heads = child.__dict__.get(_HEADS)
            if heads is None:  # they never change
                samples = [(self._name + sample.name, self._labels_of(child, sample)) for sample in child._samples()]
                heads = child.__dict__[_HEADS] = [f"{sample}{labels} " for sample, labels in samples]
            yield "".join([f"{head}{_number(value)}\n" for head, value in zip(heads, child.read(), strict=True)])

    def read(self) -> list[float]:
        """Return the values of this child in the order of its samples."""
        raise NotImplementedError

    def _labels_of(self, child: Self, sample: Sample) -> str:
        labels = dict(zip(self._labelnames, child._labelvalues, strict=True)) if self._labelnames else {}
        labels |= sample.labels
        pairs = [f'{name}="{_escaped(value)}"' for name, value in sorted(labels.items())]
        return f"{{{','.join(pairs)}}}" if pairs else ""


class _Single(_Instrument):
    """An instrument with one value."""

    _value: Any

    def read(self) -> list[float]:
        """Return the value."""
        return [self._value.get()]

    def values(self) -> dict[tuple[str, ...], float]:
        """Return the value of each child, by its label values in the order of the label names."""
        if not self._labelnames:
            return {(): self._value.get()}
        return {tuple(map(str, labels)): child._value.get() for labels, child in list(self._metrics.items())}


class Counter(_Single, prometheus_client.Counter):
    """Counter with fast `labels`."""

    def total(self) -> float:
        """Return the sum over all children."""
        return sum(self.values().values())


class Gauge(_Single, prometheus_client.Gauge):
    """Gauge with fast `labels`."""


class Summary(_Instrument, prometheus_client.Summary):
    """Summary with fast `labels`."""

    def read(self) -> list[float]:
        """Return count and sum."""
        return [self._count.get(), self._sum.get()]


class Histogram(_Instrument, prometheus_client.Histogram):
    """Histogram with fast `labels`."""

    def observe(self, amount: float, exemplar: dict[str, str] | None = None) -> None:
        """Count an amount, without going through the buckets one by one."""
        if exemplar is not None or amount != amount or (self._labelnames and not self._labelvalues):  # noqa: PLR0124
            super().observe(amount, exemplar)
            return
        self._sum.inc(amount)
        self._buckets[bisect_left(self._upper_bounds, amount)].inc(1)

    def read(self) -> list[float]:
        """Return the cumulative counts of the buckets, the count and the sum."""
        counts = list(accumulate([bucket.get() for bucket in self._buckets], initial=0.0))[1:]
        return [*counts, counts[-1], self._sum.get()]

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


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


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
