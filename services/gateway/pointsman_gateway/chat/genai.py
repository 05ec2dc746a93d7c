"""A chat request's attempts as OpenTelemetry's conventions for generative AI name them: metrics, and spans of them.

Both are made when the request has ended, from what was noted on the way, so that nothing waits for them.
"""

from __future__ import annotations

import time
from functools import lru_cache
from time import perf_counter

from pointsman.contracts.config.providers import PROVIDER_KINDS, WELL_KNOWN
from pointsman.contracts.messages.outcome import Attempt
from pointsman.llm.completion import Completion
from pointsman.runtime.telemetry import metrics, tracing
from pointsman.runtime.telemetry.instruments import Histogram
from pointsman_gateway.chat.attempts import Attempts

CHAT = "chat"
_CONVENTIONAL_NAMES = {
    name: gen_ai_name
    for name, provider in WELL_KNOWN.items()
    if (gen_ai_name := PROVIDER_KINDS[provider.kind or "openai"].gen_ai_name)
}
"""Names of well-known providers in the conventions where they differ."""


def ended(attempts: Attempts, first_byte_s: float | None, now_s: float, *, interrupted: bool) -> None:
    """Count all attempts of a request, and make their spans where there are traces.

    Parameters
    ----------
    first_byte_s : float or None
        When the first byte went to the client, by `perf_counter`.
    now_s : float
        By `perf_counter`.
    interrupted : bool
        The client left, or the gateway stopped, while a provider was waited for.
    """
    answer = attempts.answer
    completion = None if answer is None else answer.completion
    epoch_ns = time.time_ns() - int(perf_counter() * 1e9)
    began_s = attempts.began_s
    if interrupted and attempts.made:  # that is when the attempt began that was not made to the end
        began_s -= attempts.made[-1].latency_ms / 1000.0
    for at in reversed(range(len(attempts.made))):
        attempt = attempts.made[at]
        served = attempt.error is None and answer is not None
        ended_s = now_s if served else began_s + attempt.latency_ms / 1000.0
        _duration(attempt.provider, attempt.model, attempt.error or "").observe(ended_s - began_s)
        if served:
            first_s = attempt.latency_ms / 1000.0 if first_byte_s is None else first_byte_s - began_s
            _first_chunk(attempt.provider, attempt.model).observe(first_s)
            _count_tokens(attempt, completion)
        if tracing.active is not None:
            _span(tracing.active, attempt, completion if served else None, began_s, ended_s, epoch_ns)
        if at:  # they followed each other at once
            began_s -= attempts.made[at - 1].latency_ms / 1000.0


def _count_tokens(attempt: Attempt, completion: Completion | None) -> None:
    usage = None if completion is None else completion.usage
    if usage is not None:
        for kind, tokens in (("input", usage.input_tokens), ("output", usage.output_tokens)):
            if tokens:
                _tokens(attempt.provider, attempt.model, kind).observe(tokens)


def _span(
    active: tracing.Tracing,
    attempt: Attempt,
    completion: Completion | None,
    began_s: float,
    ended_s: float,
    epoch_ns: int,
) -> None:
    """Make the span of an attempt; nothing of what was said is in it. ``epoch_ns`` is when `perf_counter` was 0."""
    attributes: dict[str, str | int | float | bool] = {
        "gen_ai.operation.name": CHAT,
        "gen_ai.provider.name": _provider(attempt.provider),
        "gen_ai.request.model": attempt.model,
    }
    if attempt.status is not None:
        attributes["http.response.status_code"] = attempt.status
    if attempt.error is not None:
        attributes["error.type"] = attempt.error
    usage = None if completion is None else completion.usage
    if usage is not None:
        for name, tokens in (("input", usage.input_tokens), ("output", usage.output_tokens)):
            if tokens is not None:
                attributes[f"gen_ai.usage.{name}_tokens"] = tokens
    if completion is not None and completion.response_id:
        attributes["gen_ai.response.id"] = completion.response_id
    active.past(
        f"{CHAT} {attempt.model}",
        epoch_ns + int(began_s * 1e9),
        epoch_ns + int(ended_s * 1e9),
        attributes,
        attempt.error,
    )


def _provider(name: str) -> str:
    return _CONVENTIONAL_NAMES.get(name, name)


@lru_cache(maxsize=4096)
def _duration(provider: str, model: str, error: str) -> Histogram:
    return metrics.gen_ai_duration_seconds.labels(CHAT, _provider(provider), model, error)


@lru_cache(maxsize=4096)
def _first_chunk(provider: str, model: str) -> Histogram:
    return metrics.gen_ai_first_chunk_seconds.labels(CHAT, _provider(provider), model)


@lru_cache(maxsize=4096)
def _tokens(provider: str, model: str, kind: str) -> Histogram:
    return metrics.gen_ai_tokens.labels(CHAT, _provider(provider), model, kind)
