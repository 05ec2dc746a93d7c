"""Traces: off unless ``[tracing]`` turns them on. Then `active` makes the spans, and everything here does something.

Off, nothing that makes or sends spans is imported, no message has a header more, and a place that could make a span has
asked one thing: is there a `Tracing`, or a span to go on from.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from pointsman.contracts.config.errors import ConfigError
from pointsman.contracts.config.services import TracingConfig

if TYPE_CHECKING:
    from opentelemetry.trace import Span as Span  # noqa: PLC0414  # others name it from here

    from pointsman.runtime.telemetry.spans import Tracing as Tracing  # noqa: PLC0414
else:
    Span = Any

Headers = dict[str, str]

active: Tracing | None = None
"""What makes spans in this process; None when there are no traces."""

_NOTHING: AbstractContextManager[None] = contextlib.nullcontext()


def start_tracing(service: str, config: TracingConfig) -> None:
    """Begin to make spans, when the configuration says so.

    Raises
    ------
    ConfigError
        OpenTelemetry is not installed.
    """
    global active  # noqa: PLW0603  # one process, one service: as the loggers and the metrics
    if not config.enabled:
        return
    try:
        from pointsman.runtime.telemetry.spans import Tracing  # noqa: PLC0415  # only who wants traces needs it
    except ImportError as error:
        raise ConfigError([f'tracing.enabled: pip install "pointsman[tracing]" is needed: {error}']) from error
    active = Tracing.exporting(service, config)


def stop_tracing() -> None:
    """Send what was not sent yet."""
    global active  # noqa: PLW0603
    if active is not None:
        active.close()
        active = None


def sending(
    operation: str, subject: str, attributes: Mapping[str, str] | None = None
) -> AbstractContextManager[Headers | None]:
    """Be in a span for as long as a message takes to be acknowledged or answered; gives the message's headers."""
    return _NOTHING if active is None else active.sending(operation, subject, attributes)


def step(parent: Span | None, operation: str, subject: str) -> tuple[Span | None, Headers | None]:
    """Begin a span below another one, if there is that; return it and the headers of the message it is about."""
    if parent is None or active is None:
        return None, None
    span = active.below(parent, operation, subject)
    return span, active.headers(span)


def headers(span: Span | None) -> Headers | None:
    """Return the headers of a message that belongs to a span."""
    return None if span is None or active is None else active.headers(span)


def end(
    span: Span | None, attributes: Mapping[str, str | int | float | bool] | None = None, error: str | None = None
) -> None:
    """End a span, if there is one."""
    if span is not None and active is not None:
        active.end(span, attributes, error)


def link(traceparent: str | None) -> None:
    """Link the span that this is in to another trace."""
    if active is not None and traceparent is not None:
        active.link(traceparent)


def follow(operation: str, subject: str, traceparent: str | None) -> Span | None:
    """Begin the span of a message out of a log, if it belongs to a trace that is sampled."""
    if active is None or traceparent is None:
        return None
    return active.received(operation, subject, {"traceparent": traceparent})


def committing(tier: str, traceparents: Sequence[str | None]) -> AbstractContextManager[Headers | None]:
    """Be in the span of a commit of outcomes; gives the headers of the notice about it."""
    if active is None:
        return _NOTHING
    return active.batch("commit", tier, traceparents, {"pointsman.outcomes": len(traceparents)})


def evaluating(tier: str, shadows: int, traceparents: Sequence[str | None]) -> AbstractContextManager[Headers | None]:
    """Be in the span of running shadow policies on decisions, to the commit of what they would have done."""
    if active is None:
        return _NOTHING
    counts = {"pointsman.decisions": len(traceparents), "pointsman.shadow.evaluation": shadows}
    return active.batch("evaluate", tier, traceparents, counts)
