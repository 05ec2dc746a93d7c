"""Spans by OpenTelemetry, sent by OTLP over HTTP. Imported only where traces are on.

The context travels as W3C ``traceparent`` (and ``tracestate``) in HTTP and NATS headers.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

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
"""How long a batch of spans may take to be sent; a collector that hangs delays the end of a service by no more."""
MAX_LINKS = 128
"""What a span may have by default."""
_KINDS = {"append": SpanKind.PRODUCER, "request": SpanKind.CLIENT}
_W3C = TraceContextTextMapPropagator()


class Tracing:
    """Makes the spans of one service.

    Parameters
    ----------
    provider : TracerProvider
        Not the process' global one: what else in the process uses OpenTelemetry stays as it is.
    """

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("pointsman", pointsman.__version__)

    @classmethod
    def exporting(cls, service: str, config: TracingConfig) -> Tracing:
        """Return what sends its spans to ``tracing.endpoint``, a share of all traces that begin here."""
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
        """Send what was not sent yet."""
        self._provider.shutdown()

    @contextmanager
    def serving(self, name: str, carrier: Mapping[str, str], attributes: Attributes) -> Iterator[Span]:
        """Be in the span of an HTTP request, below the client's if it sent one."""
        with self._tracer.start_as_current_span(
            name, _W3C.extract(carrier), kind=SpanKind.SERVER, attributes=attributes
        ) as span:
            yield span

    @contextmanager
    def sending(
        self, operation: str, subject: str, attributes: Mapping[str, str] | None = None
    ) -> Iterator[dict[str, str]]:
        """Be in the span of a message that is sent and waited for; gives its headers."""
        with self._tracer.start_as_current_span(
            f"{operation} {subject}",
            kind=_KINDS[operation],
            attributes={**_messaging(operation, subject), **(attributes or {})},
        ) as span:
            yield self.headers(span)

    def received(self, operation: str, subject: str, carrier: Mapping[str, str] | None) -> Span | None:
        """Begin the span of a message that came in; None when its trace is not sampled."""
        span = self._tracer.start_span(
            f"{operation} {subject}",
            _W3C.extract(carrier or {}),
            kind=SpanKind.CONSUMER,
            attributes=_messaging(operation, subject),
        )
        return span if span.is_recording() else None

    def followed(self, operation: str, subject: str, carrier: Mapping[str, str] | None) -> Span | None:
        """Begin the span of a message that came in, if it belongs to a trace."""
        return self.received(operation, subject, carrier) if carrier and "traceparent" in carrier else None

    def below(self, parent: Span, operation: str, subject: str) -> Span:
        """Begin a span below another one, about a message that is sent."""
        return self._tracer.start_span(
            f"{operation} {subject}",
            trace.set_span_in_context(parent),
            kind=_KINDS[operation],
            attributes=_messaging(operation, subject),
        )

    def past(self, name: str, began_ns: int, ended_ns: int, attributes: Attributes, error: str | None) -> None:
        """Make the span of a call that is over, below the one that this is in."""
        span = self._tracer.start_span(name, kind=SpanKind.CLIENT, start_time=began_ns, attributes=attributes)
        if error is not None:
            span.set_status(Status(StatusCode.ERROR, error))
        span.end(ended_ns)

    @contextmanager
    def batch(
        self, operation: str, tier: str, traceparents: Sequence[str | None], counts: Mapping[str, int]
    ) -> Iterator[dict[str, str] | None]:
        """Be in the span of work on messages of a log; gives its headers, or None when no message is traced.

        A span has one parent, and a batch as many messages as there were. It goes below the first one's; every other
        trace gets a span of the same time, and the two are linked to each other.
        """
        contexts = [context for told in traceparents if told and (context := _sampled(told))]
        if not contexts:
            yield None
            return
        first, others = contexts[0], contexts[1 : MAX_LINKS + 1]
        name, began_ns = f"{operation} {tier}", time.time_ns()
        attributes: dict[str, str | int] = {"pointsman.tier": tier, **counts}
        with self._tracer.start_as_current_span(
            name,
            _below(first),
            kind=SpanKind.CONSUMER,
            links=[Link(context) for context in others],
            attributes=attributes,
        ) as span:
            yield self.headers(span)
        ended_ns, done = time.time_ns(), [Link(span.get_span_context())]
        for context in others:
            self._tracer.start_span(
                name, _below(context), SpanKind.CONSUMER, attributes, done, start_time=began_ns
            ).end(ended_ns)

    def headers(self, span: Span) -> dict[str, str]:
        """Return the headers that say that a message belongs to a span."""
        carrier: dict[str, str] = {}
        _W3C.inject(carrier, trace.set_span_in_context(span))
        return carrier

    def link(self, traceparent: str) -> None:
        """Link the span that this is in to another trace."""
        context = _sampled(traceparent)
        if context is not None:
            trace.get_current_span().add_link(context)

    def end(self, span: Span, attributes: Attributes | None = None, error: str | None = None) -> None:
        """End a span, with what it came to."""
        if attributes:
            span.set_attributes(attributes)
        if error is not None:
            span.set_status(Status(StatusCode.ERROR, error))
        span.end()

    def ids(self) -> dict[str, str]:
        """Return the ids of the span that this is in, for a line of the log."""
        context = trace.get_current_span().get_span_context()
        if not context.is_valid:
            return {}
        return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}


def _messaging(operation: str, subject: str) -> dict[str, str]:
    return {
        "messaging.system": "nats",
        "messaging.operation.name": operation,
        "messaging.destination.name": subject,
    }


def _sampled(traceparent: str) -> SpanContext | None:
    """Return the context that a header names; None when it names none, or one that is not sampled."""
    context = trace.get_current_span(_W3C.extract({"traceparent": traceparent})).get_span_context()
    return context if context.is_valid and context.trace_flags.sampled else None


def _below(context: SpanContext) -> Context:
    return trace.set_span_in_context(NonRecordingSpan(context))
