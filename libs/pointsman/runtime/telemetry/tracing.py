"""Tracing facade: no-ops unless ``[tracing]`` is enabled.

While tracing is off, OpenTelemetry is not imported, messages have no additional headers, and each function here only
checks `active`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from pointsman.contracts.config.errors import ConfigError
from pointsman.contracts.config.services import TracingConfig

if TYPE_CHECKING:
    from opentelemetry.trace import Span as Span  # noqa: PLC0414  # re-exported for annotations

    from pointsman.runtime.telemetry.spans import Tracing as Tracing  # noqa: PLC0414
else:
    Span = Any

Headers = dict[str, str]

active: Tracing | None = None
"""The tracing of this process; None while it is off."""

_NOTHING: AbstractContextManager[None] = contextlib.nullcontext()


def start_tracing(service: str, config: TracingConfig) -> None:
    """Start tracing, if it is enabled.

    Raise `ConfigError` when OpenTelemetry is not installed.
    """
    global active  # noqa: PLW0603  # one per process, like loggers and metrics
    if not config.enabled:
        return
    try:
        from pointsman.runtime.telemetry.spans import Tracing  # noqa: PLC0415  # needs OpenTelemetry
    except ImportError as error:
        raise ConfigError([f'tracing.enabled: pip install "pointsman[tracing]" is needed: {error}']) from error
    active = Tracing.exporting(service, config)


def stop_tracing() -> None:
    """Export pending spans and stop tracing."""
    global active  # noqa: PLW0603
    if active is not None:
        active.close()
        active = None


def sending(
    operation: str, subject: str, attributes: Mapping[str, str] | None = None
) -> AbstractContextManager[Headers | None]:
    """Span of a message until it is acknowledged or answered; yields the headers of the message."""
    return _NOTHING if active is None else active.sending(operation, subject, attributes)


def step(parent: Span | None, operation: str, subject: str) -> tuple[Span | None, Headers | None]:
    """Start a child span for a message that is sent; return it and the headers of the message."""
    if parent is None or active is None:
        return None, None
    span = active.child(parent, operation, subject)
    return span, active.headers(span)


def headers(span: Span | None) -> Headers | None:
    """Return the headers of a message that belongs to a span."""
    return None if span is None or active is None else active.headers(span)


def end(
    span: Span | None, attributes: Mapping[str, str | int | float | bool] | None = None, error: str | None = None
) -> None:
    """End a span, with attributes and an error status."""
    if span is not None and active is not None:
        active.end(span, attributes, error)


def link(traceparent: str | None) -> None:
    """Link the current span to another trace."""
    if active is not None and traceparent is not None:
        active.link(traceparent)


def follow(operation: str, subject: str, carrier: Mapping[str, str] | None) -> Span | None:
    """Start the span of a message with these headers; None if it does not belong to a sampled trace."""
    if active is None or not carrier or "traceparent" not in carrier:
        return None
    return active.received(operation, subject, carrier)


def committing(tier: str, traceparents: Sequence[str | None]) -> AbstractContextManager[Headers | None]:
    """Span of a commit of outcomes; yields the headers of its notice."""
    if active is None:
        return _NOTHING
    return active.batch("commit", tier, traceparents, {"pointsman.outcomes": len(traceparents)})


def evaluating(tier: str, shadows: int, traceparents: Sequence[str | None]) -> AbstractContextManager[Headers | None]:
    """Span of the shadow evaluation of decisions, including its commit."""
    if active is None:
        return _NOTHING
    counts = {"pointsman.decisions": len(traceparents), "pointsman.shadows": shadows}
    return active.batch("evaluate", tier, traceparents, counts)
