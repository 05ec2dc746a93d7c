"""The page docs/reference/metrics.md against the metrics, and the metrics against Prometheus' naming."""

from __future__ import annotations

import importlib
import pkgutil
import re

import pytest
from prometheus_client import REGISTRY, Counter, Gauge, Histogram

from pointsman.cli.stack.service_process import SERVICES
from pointsman.runtime.telemetry import metrics
from pointsman.runtime.telemetry.metrics_page import (
    Metric,
    all_metrics,
    base_name,
    kind,
    label_names,
    sample_names,
    with_tables,
)
from pointsman.runtime.telemetry.recent_counts import HOPS
from tests.support.repository import ROOT

PAGE = ROOT / "docs" / "reference" / "metrics.md"
OTHERS = ("process_", "python_")
NOT_BASE_UNITS = re.compile(r"_(ms|milliseconds|minutes|hours|kb|mb|kilobytes|percent|cents)(_|$)")
IDS = {"id", "decision_id", "trace_id", "session", "user", "context", "path", "url"}


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def test_the_table_is_what_the_code_has(page: str) -> None:
    assert with_tables(page) == page, "run: python -m pointsman.runtime.telemetry.metrics_page"


def test_every_label_is_explained(page: str) -> None:
    explained = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`[^|]+) \|", page, re.MULTILINE))))
    used = {label for metric in all_metrics() for label in label_names(metric)}
    assert used <= explained


def test_every_hop_is_explained(page: str) -> None:
    for hop in [labels["hop"] for _, labels in HOPS.values() if "hop" in labels]:
        assert f"| `{hop}` | " in page


def test_no_metric_is_defined_elsewhere() -> None:
    for service in SERVICES.values():
        package = importlib.import_module(service)
        for module in pkgutil.walk_packages(package.__path__, f"{service}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    known = {metric._name for metric in all_metrics()}
    others = {found.name for found in REGISTRY.collect() if not found.name.startswith(OTHERS)} - known
    assert not others


@pytest.mark.parametrize("metric", [pytest.param(metric, id=base_name(metric)) for metric in all_metrics()])
def test_names_are_prometheus_names_in_base_units(metric: Metric) -> None:
    name = base_name(metric)
    assert re.fullmatch(r"(pointsman|gen_ai)_[a-z0-9_]+", name)
    assert not NOT_BASE_UNITS.search(name)
    assert isinstance(metric, Counter) == name.endswith("_total")
    assert metric._documentation and not metric._documentation.endswith(".")
    assert not IDS & set(label_names(metric))
    assert kind(metric) in ("counter", "gauge", "histogram", "summary")


def test_samples_have_the_names_that_queries_use() -> None:
    histogram, gauge, counter = metrics.hop_seconds, metrics.log_lag, metrics.decisions
    assert isinstance(histogram, Histogram) and isinstance(gauge, Gauge)
    assert sample_names(histogram) == {f"pointsman_hop_seconds_{end}" for end in ("bucket", "sum", "count")}
    assert sample_names(gauge) == {"pointsman_outcome_log_lag"}
    assert sample_names(counter) == {"pointsman_decisions_total"}
