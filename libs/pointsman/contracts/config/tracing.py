"""Whether there are traces, and where they go: ``[tracing]``."""

from __future__ import annotations

from urllib.parse import urlsplit

from pointsman.contracts.config.section import Section


class TracingConfig(Section, frozen=True, kw_only=True):
    """``[tracing]``: OpenTelemetry.

    Attributes
    ----------
    enabled : bool
        Make traces, and send them.
    endpoint : str
        Where a collector takes OTLP over HTTP; ``/v1/traces`` is added.
    sample_ratio : float
        The share of traces, 0 to 1, that are kept of those that begin here; a client's own decision is followed.
    """

    enabled: bool = False
    endpoint: str = "http://127.0.0.1:4318"
    sample_ratio: float = 1.0


def check_tracing(tracing: TracingConfig) -> list[str]:
    """Return what is wrong with the section."""
    problems = []
    try:
        parts = urlsplit(tracing.endpoint)
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        good = False
    if not good:
        problems.append(f"tracing.endpoint: expected an http or https URL, got {tracing.endpoint!r}")
    if not 0.0 <= tracing.sample_ratio <= 1.0:
        problems.append(f"tracing.sample_ratio: expected 0 to 1, got {tracing.sample_ratio}")
    return problems
