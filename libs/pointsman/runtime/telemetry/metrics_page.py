"""Generate the tables of ``docs/reference/metrics.md``.

Run ``python -m pointsman.runtime.telemetry.metrics_page``.
"""

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
"""The first metric of each section, in the order of their definition."""


def all_metrics() -> list[Metric]:
    """Return every metric, in the order of their definition."""
    return [value for value in vars(metrics).values() if isinstance(value, Metric)]


def kind(metric: Metric) -> str:
    """Return the type of a metric in the terms of Prometheus."""
    return "gauge" if isinstance(metric, Info) else type(metric).__name__.lower()


def base_name(metric: Metric) -> str:
    """Return the name in queries, without the endings of a histogram or summary."""
    ending = {Counter: "_total", Info: "_info"}.get(type(metric), "")
    return f"{metric._name}{ending}"


def label_names(metric: Metric) -> tuple[str, ...]:
    """Return the names of the labels of a metric."""
    return ("version",) if isinstance(metric, Info) else tuple(metric._labelnames)


def sample_names(metric: Metric) -> frozenset[str]:
    """Return every name that a query can use."""
    name = base_name(metric)
    endings = {Histogram: ("_bucket", "_sum", "_count"), Summary: ("_sum", "_count")}.get(type(metric), ("",))
    return frozenset(name + ending for ending in endings)


def tables() -> str:
    """Return the tables of all sections."""
    titles = {id(metric): title for title, metric in SECTIONS.items()}
    lines: list[str] = []
    for metric in all_metrics():
        if id(metric) in titles:
            lines += ["", f"### {titles[id(metric)]}", "", "| metric | type | labels | meaning |", "|---|---|---|---|"]
        labels = ", ".join(f"`{name}`" for name in label_names(metric))
        lines.append(f"| `{base_name(metric)}` | {kind(metric)} | {labels} | {metric._documentation} |")
    return "\n".join(lines)


def with_tables(page: str) -> str:
    """Return a page with the tables between its two marks replaced."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{tables()}\n\n{END}{after}"


if __name__ == "__main__":
    file = Path("docs/reference/metrics.md")
    file.write_text(with_tables(file.read_text(encoding="utf-8")), encoding="utf-8")
