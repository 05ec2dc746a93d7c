"""Spans, without a collector; and that there is nothing of them while they are off."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from pointsman.contracts.config.errors import ConfigError
from pointsman.contracts.config.services import TracingConfig
from pointsman.core.violations import find_violations
from pointsman.runtime.telemetry import tracing
from pointsman.runtime.telemetry.logs import logger
from pointsman.runtime.telemetry.spans import MAX_LINKS, Tracing

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """Traces on in this process, kept in memory."""
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(tracing, "active", Tracing(provider))
    yield kept
    provider.shutdown()


def parents(count: int) -> list[str | None]:
    """As many outcomes' headers, each of a trace of its own."""
    return [f"00-{number:032x}-{number:016x}-01" for number in range(1, count + 1)]


def trace_of(span: ReadableSpan) -> int:
    assert span.context is not None
    trace_id: int = span.context.trace_id
    return trace_id


def test_disabled_tracing_adds_no_header_and_no_span() -> None:
    assert tracing.active is None
    with tracing.sending("append", "outcomes.SIMPLE") as headers:
        assert headers is None
    with tracing.committing("SIMPLE", [PARENT]) as headers:
        assert headers is None
    with tracing.evaluating("SIMPLE", 1, [PARENT]) as headers:
        assert headers is None
    assert tracing.follow("settle", "feedback.SIMPLE", {"traceparent": PARENT}) is None
    assert tracing.step(None, "append", "log.decisions.SIMPLE") == (None, None)
    assert tracing.headers(None) is None
    tracing.end(None)
    tracing.link(PARENT)


def test_disabled_tracing_imports_no_opentelemetry() -> None:
    # `redis` imports the SDK's metrics by itself where the SDK is installed; spans and their export are ours.
    program = (
        "import sys\n"
        "from pointsman.contracts.config import Config\n"
        "from pointsman.runtime.telemetry.tracing import start_tracing\n"
        "import pointsman_gateway.app, pointsman_decision.app\n"
        "import pointsman_reward_updater.app, pointsman_shadow_evaluator.app\n"
        "start_tracing('gateway', Config().tracing)\n"
        "spans = ('opentelemetry.sdk.trace', 'opentelemetry.exporter', 'pointsman.runtime.telemetry.spans')\n"
        "print([name for name in sys.modules if name.startswith(spans)])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_tracing_without_opentelemetry_names_the_extra_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pointsman.runtime.telemetry.spans", None)
    with pytest.raises(ConfigError, match=r"tracing\.enabled: pip install .pointsman\[tracing\]"):
        tracing.start_tracing("gateway", TracingConfig(enabled=True))
    assert tracing.active is None


@pytest.mark.parametrize(
    ("config", "field"),
    [
        (TracingConfig(endpoint="collector:4318"), "tracing.endpoint"),
        (TracingConfig(endpoint="ftp://collector"), "tracing.endpoint"),
        (TracingConfig(endpoint="http://[x"), "tracing.endpoint"),
        (TracingConfig(sample_ratio=1.5), "tracing.sample_ratio"),
        (TracingConfig(sample_ratio=float("nan")), "tracing.sample_ratio"),
    ],
)
def test_bad_settings_are_named(config: TracingConfig, field: str) -> None:
    settings = {name: getattr(config, name) for name in config.__struct_fields__}
    (problem,) = [*find_violations(settings, TracingConfig, "tracing"), *config.problems()]
    assert f"tracing.{problem.path}".endswith(field)


def test_a_commit_is_in_the_trace_of_every_outcome_and_they_are_linked(exporter: InMemorySpanExporter) -> None:
    headers_in = [None, *parents(3), "nonsense"]
    with tracing.committing("SIMPLE", headers_in) as headers:
        assert headers is not None
    spans = exporter.get_finished_spans()
    assert sorted(trace_of(span) for span in spans) == [1, 2, 3]
    commit = next(span for span in spans if trace_of(span) == 1)
    assert commit.context is not None
    assert headers["traceparent"] == f"00-{1:032x}-{commit.context.span_id:016x}-01"
    assert [link.context.trace_id for link in commit.links] == [2, 3]
    assert all(span.links[0].context == commit.context for span in spans if span is not commit)
    assert all(span.parent is not None and span.parent.span_id == trace_of(span) for span in spans)


def test_number_of_spans_of_a_commit_is_bounded(exporter: InMemorySpanExporter) -> None:
    with tracing.committing("SIMPLE", parents(MAX_LINKS + 50)):
        pass
    assert len(exporter.get_finished_spans()) == MAX_LINKS + 1


def test_a_commit_of_outcomes_without_traces_makes_none(exporter: InMemorySpanExporter) -> None:
    with tracing.committing("SIMPLE", [None, None, f"00-{TRACE}-00f067aa0ba902b7-00"]) as headers:
        assert headers is None
    assert not exporter.get_finished_spans()


def test_message_from_a_log_has_a_span_only_if_its_trace_is_sampled(exporter: InMemorySpanExporter) -> None:
    assert tracing.follow("settle", "feedback.SIMPLE", None) is None
    span = tracing.follow("settle", "feedback.SIMPLE", {"traceparent": PARENT})
    headers = tracing.headers(span)
    tracing.end(span)
    (kept,) = exporter.get_finished_spans()
    assert f"{trace_of(kept):032x}" == TRACE
    assert headers is not None and headers["traceparent"].startswith(f"00-{TRACE}-")


def test_failure_of_a_shadow_is_in_the_span(exporter: InMemorySpanExporter) -> None:
    with pytest.raises(RuntimeError), tracing.evaluating("SIMPLE", 2, parents(2)):
        raise RuntimeError("not all shadow results were stored")
    spans = exporter.get_finished_spans()
    assert [trace_of(span) for span in spans if not span.status.is_ok] == [1]
    assert spans[0].attributes is not None
    assert spans[0].attributes["pointsman.shadows"] == 2


def test_a_log_line_in_a_span_has_its_ids(exporter: InMemorySpanExporter, caplog: pytest.LogCaptureFixture) -> None:
    from pointsman.runtime.telemetry.logs import _Json  # noqa: PLC0415  # the formatter is the logs' own

    lines = []
    with caplog.at_level("INFO", "pointsman.test"):
        logger("test").info("outside")
        with tracing.sending("append", "outcomes.SIMPLE"):
            logger("test").info("inside")
            lines = [_Json("gateway").format(record) for record in caplog.records]
    (span,) = exporter.get_finished_spans()
    assert f'"trace_id":"{trace_of(span):032x}"' in lines[1]


def test_a_failure_is_in_the_span(exporter: InMemorySpanExporter) -> None:
    with pytest.raises(RuntimeError), tracing.sending("append", "outcomes.SIMPLE"):
        raise RuntimeError("the log is full")
    (span,) = exporter.get_finished_spans()
    assert not span.status.is_ok
    assert span.attributes is not None
    assert span.attributes["messaging.destination.name"] == "outcomes.SIMPLE"
