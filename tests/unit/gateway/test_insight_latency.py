from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman_gateway.console.latency import histogram_quantile

BOUNDS = [0.001, 0.002, 0.005, 0.01, 0.1, 1.0]


@pytest.mark.parametrize(
    ("counts", "quantile", "expected"),
    [
        ([4, 0, 0, 0, 0, 0, 0], 0.5, 0.0005),
        ([0, 10, 0, 0, 0, 0, 0], 0.5, 0.0015),
        ([5, 5, 0, 0, 0, 0, 0], 0.5, 0.001),
        ([5, 0, 0, 5, 0, 0, 0], 0.75, 0.0075),
        ([0, 0, 0, 0, 0, 0, 3], 0.5, 1.0),
        ([99, 0, 0, 0, 0, 0, 1], 0.99, 0.001),
        ([1, 0, 0, 0, 0, 1, 0], 1.0, 1.0),
    ],
)
def test_quantile_is_interpolated_within_its_bucket(counts: list[float], quantile: float, expected: float) -> None:
    assert histogram_quantile(BOUNDS, counts, quantile) == pytest.approx(expected)


def test_histogram_without_observations_has_no_quantile() -> None:
    assert histogram_quantile(BOUNDS, [0] * 7, 0.5) is None


@given(st.lists(st.floats(0.0, 1.0, allow_nan=False), min_size=1, max_size=60), st.sampled_from([0.5, 0.9, 0.99]))
def test_quantile_is_in_the_bucket_of_the_exact_quantile(values: list[float], quantile: float) -> None:
    edges = [0.0, *BOUNDS]
    places = np.searchsorted(BOUNDS, values, side="left")
    counts = np.bincount(places, minlength=len(BOUNDS) + 1).astype(float).tolist()
    found = histogram_quantile(BOUNDS, counts, quantile)
    assert found is not None
    true = float(np.quantile(values, quantile, method="inverted_cdf"))
    place = int(np.searchsorted(BOUNDS, true, side="left"))
    assert edges[place] - 1e-12 <= found <= BOUNDS[place] + 1e-12
