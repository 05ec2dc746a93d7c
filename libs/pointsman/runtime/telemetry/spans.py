"""OpenTelemetry spans, exported by OTLP over HTTP. Imported only if tracing is enabled.

The trace context is propagated as W3C ``traceparent`` and ``tracestate`` in HTTP and NATS headers.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

import pointsman
from pointsman.contracts.config.services import TracingConfig

Attributes = Mapping[str, str | int | float | bool]

EXPORT_TIMEOUT_S = 3.0
"""Timeout of an export, which also bounds how long an unresponsive collector delays the shutdown of a service."""
MAX_LINKS = 128
"""Default limit of OpenTelemetry for the links of a span."""
_KINDS = {"append": SpanKind.PRODUCER, "request": SpanKind.CLIENT}
_W3C = TraceContextTextMapPropagator()


class Tracing:
    """Spans of one service.

    ``provider``: not the global one, so that other users of OpenTelemetry in the process are not affected.
    """

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("pointsman", pointsman.__version__)

    @classmethod
    def exporting(cls, service: str, config: TracingConfig) -> Tracing:
        """Create one that exports to ``tracing.endpoint`` and samples a share of the traces that start here."""
        resource = Resource.create(
            {
                "service.name": f"pointsman-{service}",
                "service.namespace": "pointsman",
                "service.version": pointsman.__version__,
                "service.instance.id": f"{socket.gethostname()}:{os.getpid()}",
            }
        )
        provider = TracerProvider(sampler=ParentBased(TraceIdRatioBased(config.sample_ratio)), resource=resource)
        exporter = OTLPSpanExporter(endpoint=f"{config.endpoint.rstrip('/')}/v1/traces", timeout=EXPORT_TIMEOUT_S)
        provider.add_span_processor(BatchSpanProcessor(exporter))
        return cls(provider)

    def close(self) -> None:
        """Export pending spans."""
        self._provider.shutdown()

    def serving(self, name: str, carrier: Mapping[str, str], attributes: Attributes) -> AbstractContextManager[Span]:
        """Span of an HTTP request, child of the client's span if there is one."""
        context = _W3C.extract(carrier)
        return self._tracer.start_as_current_span(name, context, kind=SpanKind.SERVER, attributes=attributes)

    @contextmanager
    def sending(
        self, operation: str, subject: str, attributes: Mapping[str, str] | None = None
    ) -> Iterator[dict[str, str]]:
        """Span of a message until its acknowledgement or reply; yields the headers of the message."""
        with self._tracer.start_as_current_span(
            f"{operation} {subject}",
            kind=_KINDS[operation],
            attributes={**_messaging(operation, subject), **(attributes or {})},
        ) as span:
            yield self.headers(span)

    def received(self, operation: str, subject: str, carrier: Mapping[str, str] | None) -> Span | None:
        """Start the span of a received message; None if its trace is not sampled."""
        span = self._tracer.start_span(
            f"{operation} {subject}",
            _W3C.extract(carrier or {}),
            kind=SpanKind.CONSUMER,
            attributes=_messaging(operation, subject),
        )
        return span if span.is_recording() else None

    def child(self, parent: Span, operation: str, subject: str) -> Span:
        """Start a child span for a message that is sent."""
        return self._tracer.start_span(
            f"{operation} {subject}",
            trace.set_span_in_context(parent),
            kind=_KINDS[operation],
            attributes=_messaging(operation, subject),
        )

    def past(self, name: str, began_ns: int, ended_ns: int, attributes: Attributes, error: str | None) -> None:
        """Record the span of a completed call, as a child of the current span."""
        span = self._tracer.start_span(name, kind=SpanKind.CLIENT, start_time=began_ns, attributes=attributes)
        if error is not None:
            span.set_status(Status(StatusCode.ERROR, error))
        span.end(ended_ns)

    @contextmanager
    def batch(
        self, operation: str, tier: str, traceparents: Sequence[str | None], counts: Mapping[str, int]
    ) -> Iterator[dict[str, str] | None]:
        """Span of the processing of a batch of messages; yields its headers, or None if no message is traced.

        A span has only one parent: it is a child of the first message's span. Each other trace gets a span with the
        same times, and the spans are linked to each other.
        """
        contexts = [context for header in traceparents if header and (context := _sampled(header))]
        if not contexts:
            yield None
            return
        first, others = contexts[0], contexts[1 : MAX_LINKS + 1]
        name, began_ns = f"{operation} {tier}", time.time_ns()
        attributes: dict[str, str | int] = {"pointsman.tier": tier, **counts}
        with self._tracer.start_as_current_span(
            name,
            _parent(first),
            kind=SpanKind.CONSUMER,
            links=[Link(context) for context in others],
            attributes=attributes,
        ) as span:
            yield self.headers(span)
        ended_ns, done = time.time_ns(), [Link(span.get_span_context())]
        for context in others:
            self._tracer.start_span(
                name, _parent(context), SpanKind.CONSUMER, attributes, done, start_time=began_ns
            ).end(ended_ns)

    def headers(self, span: Span) -> dict[str, str]:
        """Return the headers of a message that belongs to a span."""
        carrier: dict[str, str] = {}
        _W3C.inject(carrier, trace.set_span_in_context(span))
        return carrier

    def link(self, traceparent: str) -> None:
        """Link the current span to another trace."""
        context = _sampled(traceparent)
        if context is not None:
            trace.get_current_span().add_link(context)

    def end(self, span: Span, attributes: Attributes | None = None, error: str | None = None) -> None:
        """End a span, with attributes and an error status."""
        if attributes:
            span.set_attributes(attributes)
        if error is not None:
            span.set_status(Status(StatusCode.ERROR, error))
        span.end()

    def ids(self) -> dict[str, str]:
        """Return the ids of the current span, for a log line."""
        context = trace.get_current_span().get_span_context()
        if not context.is_valid:
            return {}
        return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}


def _messaging(operation: str, subject: str) -> dict[str, str]:
    return {"messaging.system": "nats", "messaging.operation.name": operation, "messaging.destination.name": subject}


def _sampled(traceparent: str) -> SpanContext | None:
    """Return the span context of a header; None if it is invalid or not sampled."""
    context = trace.get_current_span(_W3C.extract({"traceparent": traceparent})).get_span_context()
    return context if context.is_valid and context.trace_flags.sampled else None


def _parent(context: SpanContext) -> Context:
    return trace.set_span_in_context(NonRecordingSpan(context))
