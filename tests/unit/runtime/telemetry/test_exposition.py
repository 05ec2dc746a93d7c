"""The text for Prometheus is that of `prometheus_client`, and is written in short steps."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import prometheus_client
import pytest
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest

from pointsman.runtime.telemetry import exposition
from pointsman.runtime.telemetry.exposition import MetricsText, parts
from pointsman.runtime.telemetry.instruments import Counter, Gauge, Histogram, Summary

TIERS = 200


@pytest.fixture
def registry() -> CollectorRegistry:
    """A registry with a metric of each type, each with many children, and one that is not ours."""
    registry = CollectorRegistry()
    counter = Counter("a_requests", "With \\ and\nlines", ["tier", "reason"], registry=registry)
    histogram = Histogram("b_seconds", "Seconds", ["zone", "tier"], buckets=(0.1, 1.0, 10.0), registry=registry)
    summary = Summary("c_cost", "Cost", ["tier"], registry=registry)
    gauge = Gauge("d_ratio", "Ratio", registry=registry)
    for tier in (*(f"t{at}" for at in range(TIERS)), 'with "quotes" and \\', "with\nlines", "Grüße"):
        counter.labels(tier, "x").inc(3e9)
        histogram.labels("z", tier).observe(0.5)
        summary.labels(tier).observe(1e-7)
    gauge.set(float("nan"))
    prometheus_client.Gauge("e_foreign", "Of a plug-in", ["b", "a"], registry=registry).labels("1", "2").set(1.0)
    return registry


def test_the_text_is_that_of_prometheus_client(registry: CollectorRegistry) -> None:
    for _ in range(2):  # the second time from remembered names and labels
        assert "".join(parts(registry)) == generate_latest(registry).decode()


def test_changed_values_and_removed_children_are_followed(registry: CollectorRegistry) -> None:
    counter, histogram, *_ = registry._collector_to_names
    assert "".join(parts(registry))
    counter.labels("t1", "x").inc()  # type: ignore[attr-defined]  # declared as a collector
    histogram.remove("z", "t2")  # type: ignore[attr-defined]  # declared as a collector
    assert "".join(parts(registry)) == generate_latest(registry).decode()


def test_no_step_has_more_than_one_child(registry: CollectorRegistry) -> None:
    assert max(part.count("\n") for part in parts(registry)) <= 6
    assert len(list(parts(registry))) > 3 * TIERS


async def test_other_tasks_run_while_the_text_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step takes longer than may pass without a yield."""
    steps = 0
    turns: list[int] = []
    running = True

    def slow_parts() -> Iterator[str]:
        nonlocal steps
        for steps in range(20):
            yield f"{steps}\n"

    async def other() -> None:
        while running:
            turns.append(steps)
            await asyncio.sleep(0)

    monkeypatch.setattr(exposition, "parts", slow_parts)
    monkeypatch.setattr(exposition, "STEP_S", 0.0)
    task = asyncio.create_task(other())
    text = await MetricsText().get()
    running = False
    await task
    assert text == b"".join(b"%d\n" % step for step in range(20))
    assert set(range(1, 19)) <= set(turns)


async def test_scrapes_at_the_same_time_share_one_text(monkeypatch: pytest.MonkeyPatch) -> None:
    written = 0

    def counted() -> Iterator[str]:
        nonlocal written
        written += 1
        yield "a\n"

    monkeypatch.setattr(exposition, "parts", counted)
    text = MetricsText()
    assert await asyncio.gather(*(text.get() for _ in range(10))) == [b"a\n"] * 10
    assert written == 1
    assert await text.get() == b"a\n"
    assert written == 2


async def test_a_scrape_during_another_one_contains_what_happened_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    count = active = 0
    begun = asyncio.Event()

    def slow_parts() -> Iterator[str]:
        nonlocal active
        active += 1
        assert active == 1
        begun.set()
        yield f"{count}\n"
        yield "end\n"
        active -= 1

    monkeypatch.setattr(exposition, "parts", slow_parts)
    monkeypatch.setattr(exposition, "STEP_S", 0.0)
    text = MetricsText()
    first = asyncio.create_task(text.get())
    await begun.wait()
    count = 1
    later = await asyncio.gather(*(text.get() for _ in range(10)))
    assert await first == b"0\nend\n"
    assert later == [b"1\nend\n"] * 10


def test_every_metric_of_the_product_is_written() -> None:
    assert set("".join(parts()).splitlines()) >= {
        line for line in generate_latest(REGISTRY).decode().splitlines() if "pointsman_" in line or "gen_ai_" in line
    }
