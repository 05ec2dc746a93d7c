"""Quantiles of what was counted into a histogram's buckets, as Prometheus estimates them. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence


def histogram_quantile(bounds: Sequence[float], counts: Sequence[float], quantile: float) -> float | None:
    """Return a quantile, taking the values within a bucket to be spread evenly.

    Parameters
    ----------
    bounds : sequence of float, length B
        Upper bounds of the buckets, rising, without infinity. The first bucket begins at 0.
    counts : sequence of float, length B + 1
        How many values are in each bucket, not cumulated; the last is those above every bound.
    quantile : float
        0 to 1.

    Returns
    -------
    float or None
        None without values. The largest bound when it is among those above it, as nothing more is known.

    References
    ----------
    Prometheus, ``histogram_quantile`` of classic histograms.
    """
    if len(counts) != len(bounds) + 1:
        raise ValueError(f"expected {len(bounds) + 1} counts, got {len(counts)}")
    total = math.fsum(counts)
    if total <= 0.0 or not bounds:
        return None
    rank, below, begin = quantile * total, 0.0, 0.0
    for bound, count in zip(bounds, counts, strict=False):
        if count > 0.0 and below + count >= rank:
            return begin + (bound - begin) * max(rank - below, 0.0) / count
        below += count
        begin = bound
    return bounds[-1]
