"""Generate the tables of ``docs/reference/metrics.md``.

Run ``python -m pointsman.runtime.telemetry.metrics_page``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from prometheus_client import Info

from pointsman.runtime.telemetry import metrics
from pointsman.runtime.telemetry.instruments import Counter, Gauge, Histogram, Summary

Metric = Counter | Gauge | Histogram | Info | Summary

BEGIN, END = "<!-- made from libs/pointsman/runtime/telemetry/metrics.py -->", "<!-- end -->"

SECTIONS: dict[str, Metric] = {
    "Gateway": metrics.http_requests,
    "Decision replicas": metrics.decisions,
    "Reward-updater": metrics.outcomes_applied,
    "Shadow-evaluator": metrics.shadow_evaluated,
    "Every service": metrics.hop_seconds,
}
"""The first metric of each section, in the order in which they are defined."""


def all_metrics() -> list[Metric]:
    """Return every metric, in the order in which they are defined."""
    return [value for value in vars(metrics).values() if isinstance(value, Metric)]


def kind(metric: Metric) -> str:
    """Return the metric's type as Prometheus calls it."""
    return "gauge" if isinstance(metric, Info) else type(metric).__name__.lower()


def base_name(metric: Metric) -> str:
    """Return the name that dashboards use, but for what a histogram or a summary adds."""
    ending = {Counter: "_total", Info: "_info"}.get(type(metric), "")
    return f"{metric._name}{ending}"


def label_names(metric: Metric) -> tuple[str, ...]:
    """Return the names of a metric's labels."""
    return ("version",) if isinstance(metric, Info) else tuple(metric._labelnames)


def sample_names(metric: Metric) -> frozenset[str]:
    """Return every name that a query can ask for."""
    name = base_name(metric)
    endings = {Histogram: ("_bucket", "_sum", "_count"), Summary: ("_sum", "_count")}.get(type(metric), ("",))
    return frozenset(name + ending for ending in endings)


def tables() -> str:
    """Return the tables of all sections."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    first = {id(metric): title for title, metric in SECTIONS.items()}
    for metric in all_metrics():
        if id(metric) in first:
            yield from ("", f"### {first[id(metric)]}", "", "| metric | type | labels | meaning |", "|---|---|---|---|")
        labels = ", ".join(f"`{name}`" for name in label_names(metric))
        yield f"| `{base_name(metric)}` | {kind(metric)} | {labels} | {metric._documentation} |"


def with_tables(page: str) -> str:
    """Return a page with the tables between its two marks made anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{tables()}\n\n{END}{after}"


if __name__ == "__main__":
    file = Path("docs/reference/metrics.md")
    file.write_text(with_tables(file.read_text(encoding="utf-8")), encoding="utf-8")
