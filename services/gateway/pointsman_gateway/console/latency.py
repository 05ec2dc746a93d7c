"""Latency quantiles from histogram buckets that several processes report."""

from collections.abc import Sequence

from pointsman.contracts.messages.status import HopCounts


def latency_quantile_ms(hops: Sequence[HopCounts], quantile: float) -> float | None:
    """Return a quantile over several processes in milliseconds; None without observations.

    A process of another version may have other bucket bounds: those that differ from the first are ignored.
    """
    if not hops:
        return None
    bounds_s = hops[0].bounds_s
    counts = [hop.counts for hop in hops if hop.bounds_s == bounds_s and len(hop.counts) == len(bounds_s) + 1]
    quantile_s = histogram_quantile(bounds_s, [sum(bucket) for bucket in zip(*counts, strict=True)], quantile)
    return None if quantile_s is None else quantile_s * 1000.0


def histogram_quantile(bounds: Sequence[float], counts: Sequence[float], quantile: float) -> float | None:
    """Return a quantile, 0 to 1, as ``histogram_quantile`` of Prometheus: values are uniform within a bucket.

    ``bounds`` (length B): rising upper bounds of the buckets, without infinity. The first bucket starts at 0.
    ``counts`` (length B + 1): observations per bucket, not cumulative; the last bucket has no upper bound.

    The result is None without observations, and the highest bound if the quantile is in the last bucket.
    """
    rank, below, lower = quantile * sum(counts), 0.0, 0.0
    if not any(counts) or not bounds:
        return None
    for bound, count in zip(bounds, counts, strict=False):
        if count > 0.0 and below + count >= rank:
            return lower + (bound - lower) * (rank - below) / count
        below += count
        lower = bound
    return bounds[-1]
