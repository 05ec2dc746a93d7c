"""Sums of parts are sums of the whole, and come back from what is stored."""

from __future__ import annotations

from functools import reduce
from operator import add

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.off_policy import ESTIMATORS, Moments, Statistics, clipping, terms
from pointsman.core.off_policy.statistics import LENGTH
from tests.unit.core.off_policy.logs import Log, some_log

seeds = st.integers(0, 2**32 - 1)


def _statistics(log: Log, clip: float | None = None) -> Statistics:
    of_reward = terms(*log, clip=clip)
    of_quality = terms(*log._replace(outcome=1 - log.outcome), clip=clip)
    rewarded = Log(log.p[::2], log.q[::2], log.chosen[::2], log.outcome[::2], log.model[::2])
    return Statistics(
        Moments.from_vectors(of_reward.vectors),
        Moments.from_vectors(of_quality.vectors),
        Moments.from_vectors(terms(*rewarded, clip=clip).vectors),
        float((of_reward.clipped > 0).sum()),
        float(of_reward.clipped.sum()),
    )


@given(seed=seeds, n=st.integers(1, 80), cuts=st.lists(st.integers(0, 80), max_size=5))
def test_splitting_and_adding_changes_nothing(seed: int, n: int, cuts: list[int]) -> None:
    log = some_log(np.random.default_rng(seed), n)
    whole = log.moments()
    parts = [Moments.from_vectors(part) for part in np.split(log.vectors(), sorted(cut for cut in cuts if cut <= n))]
    together = reduce(add, parts[::-1])
    np.testing.assert_allclose(together.matrix, whole.matrix, rtol=1e-12, atol=1e-12)
    for estimator in ESTIMATORS.values():
        for one, other in (
            (estimator.value(together), estimator.value(whole)),
            (estimator.difference(together), estimator.difference(whole)),
        ):
            assert one[:3] == pytest.approx(other[:3], rel=1e-9, abs=1e-9)


@given(seed=seeds, n=st.integers(1, 40), clip=st.none() | st.floats(0.5, 5))
def test_stored_vectors_add_up_like_the_statistics(seed: int, n: int, clip: float | None) -> None:
    rng = np.random.default_rng(seed)
    one, other = _statistics(some_log(rng, n), clip), _statistics(some_log(rng, n), clip)
    stored = one.flat() + other.flat()
    assert stored.shape == (LENGTH,)
    np.testing.assert_allclose(Statistics.from_flat(stored).flat(), (one + other).flat(), rtol=1e-12)
    np.testing.assert_array_equal(Statistics.from_flat(one.flat()).reward.matrix, one.reward.matrix)


def test_nothing_is_an_empty_sum() -> None:
    some = _statistics(some_log(np.random.default_rng(1), 20))
    np.testing.assert_array_equal((Statistics() + some).flat(), some.flat())


@given(seed=seeds, clip=st.floats(0.2, 5))
def test_clip_is_reported_when_it_acts_and_bounds_what_it_did(seed: int, clip: float) -> None:
    log = some_log(np.random.default_rng(seed), 50)
    weights = log.vectors()[:, 1]
    acted = clipping(_statistics(log, clip))
    assert acted.acted == bool((weights > clip).any())
    assert acted.clipped == (weights > clip).sum()
    assert acted.mass == pytest.approx(np.maximum(weights - clip, 0).sum())
    assert log.vectors(clip)[:, 1].max() <= clip
    for name in ("ips", "dr"):
        moved = ESTIMATORS[name].value(log.moments(clip)).value - ESTIMATORS[name].value(log.moments()).value
        assert abs(moved) <= acted.bias + 1e-12


@given(seed=seeds, clip=st.floats(0.2, 5))
def test_clipped_weight_is_the_weight_of_outcome_and_model_alike(seed: int, clip: float) -> None:
    log = some_log(np.random.default_rng(seed), 50)
    _, w, _, _, y, m, gq, gp = log.vectors().T
    cut = np.minimum(w, clip)
    moments = log.moments(clip)
    assert ESTIMATORS["dr"].value(moments).value == pytest.approx((gq + cut * (y - m)).mean(), abs=1e-9)
    assert ESTIMATORS["dr"].difference(moments).value == pytest.approx((gq - gp + (cut - 1) * (y - m)).mean(), abs=1e-9)


def test_clip_that_did_not_act_is_reported() -> None:
    log = some_log(np.random.default_rng(2), 50)
    quiet = clipping(_statistics(log, clip=1e9))
    assert not quiet.acted
    assert quiet.words() == "no weight was clipped"
    np.testing.assert_array_equal(log.moments(clip=1e9).matrix, log.moments().matrix)
    assert "5 weights were clipped" in clipping(Statistics(log.moments(), clipped=5, clipped_mass=2.0)).words()
    assert "0.04 of" in clipping(Statistics(log.moments(), clipped=1, clipped_mass=2.0)).words()
    assert not clipping(Statistics()).acted
