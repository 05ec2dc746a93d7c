"""The metrics of chat requests, with their labels looked up once: that would cost more than counting."""

from __future__ import annotations

from functools import lru_cache

from pointsman.llm.completion import Completion
from pointsman.runtime.telemetry import metrics
from pointsman.runtime.telemetry.instruments import Counter, Histogram


def first_byte(tier: str, provider: str, after_s: float, overhead_s: float) -> None:
    """Note that the first byte goes out."""
    begun, overhead = _beginnings(tier, provider)
    begun.observe(after_s)
    overhead.observe(overhead_s)


def answered(tier: str, provider: str, status: int, after_s: float, completion: Completion | None) -> None:
    """Count an answer, whole or not, and its tokens."""
    count, seconds = _endings(tier, provider, status)
    count.inc()
    seconds.observe(after_s)
    usage = completion.usage if completion is not None else None
    if usage is not None:
        for kind, tokens in (
            ("input", usage.input_tokens),
            ("cached", usage.cached_input_tokens),
            ("output", usage.output_tokens),
        ):
            if tokens:
                _tokens(tier, provider, kind).inc(tokens)


def priced(tier: str, provider: str, cost_usd: float) -> None:
    """Add up what an answer cost."""
    _costs(tier, provider).inc(cost_usd)


@lru_cache(maxsize=4096)
def _costs(tier: str, provider: str) -> Counter:
    return metrics.llm_cost_usd.labels(tier, provider)


@lru_cache(maxsize=4096)
def _beginnings(tier: str, provider: str) -> tuple[Histogram, Histogram]:
    return metrics.llm_first_byte_seconds.labels(tier, provider), metrics.llm_overhead_seconds.labels(tier)


@lru_cache(maxsize=4096)
def _endings(tier: str, provider: str, status: int) -> tuple[Counter, Histogram]:
    return metrics.llm_requests.labels(tier, provider, str(status)), metrics.llm_seconds.labels(tier, provider)


@lru_cache(maxsize=4096)
def _tokens(tier: str, provider: str, kind: str) -> Counter:
    return metrics.llm_tokens.labels(tier, provider, kind)
