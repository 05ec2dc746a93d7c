"""The same numbers as Open Bandit Pipeline on the same log."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from pointsman.core.off_policy import ESTIMATORS, effective_sample_size, normal_interval
from tests.support.repository import ROOT
from tests.unit.core.off_policy.logs import Log

FILE = ROOT / "tests" / "golden" / "ope_reference.json"


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return content


@pytest.fixture(scope="module")
def log(golden: dict[str, Any]) -> Log:
    chosen = np.array(golden["action"])
    propensity = np.array(golden["pscore"])
    # Only the served arm's propensity is in the file; the rest is shared out, and no estimate of a value reads it.
    p = np.repeat((1 - propensity[:, None]) / 2, 3, axis=1)
    p[np.arange(len(chosen)), chosen] = propensity
    return Log(p, np.array(golden["target"]), chosen, np.array(golden["reward"]), np.array(golden["q_hat"]))


@pytest.mark.parametrize("name", ESTIMATORS)
def test_value_is_the_reference_s(golden: dict[str, Any], log: Log, name: str) -> None:
    estimate = ESTIMATORS[name].value(log.moments())
    assert estimate.value == pytest.approx(golden["reference"][name]["value"], abs=1e-9, rel=0)


def test_effective_sample_size_is_the_reference_s(golden: dict[str, Any], log: Log) -> None:
    expected = golden["reference"]["effective_sample_size"]
    assert effective_sample_size(log.moments()) == pytest.approx(expected, abs=1e-9, rel=0)


@pytest.mark.parametrize("name", ["dm", "ips", "dr", "sndr"])
def test_normal_interval_is_as_wide_as_the_reference_s_bootstrap(golden: dict[str, Any], log: Log, name: str) -> None:
    low, high = golden["reference"][name]["bootstrap_95"]
    interval = normal_interval(ESTIMATORS[name].value(log.moments()))
    assert interval.high - interval.low == pytest.approx(high - low, rel=0.1)


def test_interval_of_a_ratio_is_as_wide_as_a_bootstrap_of_the_whole_ratio(log: Log) -> None:
    """Open Bandit Pipeline resamples w·y over the *given* mean weight, as wide as for IPS: SNIPS is sharper than that.

    Seeded. A bootstrap of 2000 has its 2.5 % and 97.5 % quantiles within some 4 % of the width.
    """
    vectors = log.vectors()
    weight, weighted = vectors[:, 1], vectors[:, 2]
    rng = np.random.default_rng(11)
    rows = rng.integers(len(vectors), size=(2000, len(vectors)))
    low, high = np.quantile(weighted[rows].sum(axis=1) / weight[rows].sum(axis=1), [0.025, 0.975])
    interval = normal_interval(ESTIMATORS["snips"].value(log.moments()))
    assert interval.high - interval.low == pytest.approx(high - low, rel=0.1)


def test_truth_is_within_the_doubly_robust_interval(golden: dict[str, Any], log: Log) -> None:
    assert normal_interval(ESTIMATORS["dr"].value(log.moments())).holds(golden["true_value"])
