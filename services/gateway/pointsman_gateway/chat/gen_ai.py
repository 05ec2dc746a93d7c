"""Metrics and spans of attempts by OpenTelemetry's conventions for generative AI.

Both are made when the call has ended, from what was recorded, so that no request waits for them.
"""

from __future__ import annotations

import time
from time import perf_counter

from pointsman.contracts.config.providers import PROVIDER_KINDS, WELL_KNOWN
from pointsman.contracts.messages.outcome import Attempt
from pointsman.llm.completion import Completion
from pointsman.runtime.telemetry import metrics, tracing
from pointsman_gateway.chat.attempts import Attempts

OPERATION = "chat"
_CONVENTIONAL_NAMES = {
    name: gen_ai_name
    for name, provider in WELL_KNOWN.items()
    if (gen_ai_name := PROVIDER_KINDS[provider.kind or "openai"].gen_ai_name)
}
"""Names of well-known providers in the conventions, where they differ."""


def record_attempts(attempts: Attempts, first_byte_s: float | None, now_s: float, *, interrupted: bool) -> None:
    """Record the metrics of all attempts of a call, and their spans where tracing is on.

    Times are by `perf_counter`. ``interrupted``: the client disconnected, or the gateway stopped, during an attempt.
    """
    answer = attempts.answer
    completion = None if answer is None else answer.completion
    epoch_ns = time.time_ns() - int(perf_counter() * 1e9)
    started_s = attempts.started_s
    if interrupted and attempts.made:  # it is the start of the interrupted attempt, which is not in `made`
        started_s -= attempts.made[-1].latency_ms / 1000.0
    for at in reversed(range(len(attempts.made))):
        attempt = attempts.made[at]
        served = attempt.error is None and answer is not None
        ended_s = now_s if served else started_s + attempt.latency_ms / 1000.0
        labels = OPERATION, _conventional_name(attempt.provider), attempt.model
        metrics.gen_ai_duration_seconds.labels(*labels, attempt.error or "").observe(ended_s - started_s)
        if served:
            first_s = attempt.latency_ms / 1000.0 if first_byte_s is None else first_byte_s - started_s
            metrics.gen_ai_first_chunk_seconds.labels(*labels).observe(first_s)
            for kind, tokens in _tokens(completion):
                if tokens:
                    metrics.gen_ai_tokens.labels(*labels, kind).observe(tokens)
        if tracing.active is not None:
            _add_span(tracing.active, attempt, completion if served else None, started_s, ended_s, epoch_ns)
        if at:  # attempts follow each other without a pause
            started_s -= attempts.made[at - 1].latency_ms / 1000.0


def _tokens(completion: Completion | None) -> tuple[tuple[str, int | None], ...]:
    usage = None if completion is None else completion.usage
    return () if usage is None else (("input", usage.input_tokens), ("output", usage.output_tokens))


def _add_span(
    active: tracing.Tracing,
    attempt: Attempt,
    completion: Completion | None,
    started_s: float,
    ended_s: float,
    epoch_ns: int,
) -> None:
    """Add the span of an attempt, without any text. ``epoch_ns`` is the time at which `perf_counter` was 0."""
    attributes: dict[str, str | int | float | bool] = {
        "gen_ai.operation.name": OPERATION,
        "gen_ai.provider.name": _conventional_name(attempt.provider),
        "gen_ai.request.model": attempt.model,
    }
    if attempt.status is not None:
        attributes["http.response.status_code"] = attempt.status
    if attempt.error is not None:
        attributes["error.type"] = attempt.error
    for kind, tokens in _tokens(completion):
        if tokens is not None:
            attributes[f"gen_ai.usage.{kind}_tokens"] = tokens
    if completion is not None and completion.response_id:
        attributes["gen_ai.response.id"] = completion.response_id
    active.past(
        f"{OPERATION} {attempt.model}",
        epoch_ns + int(started_s * 1e9),
        epoch_ns + int(ended_s * 1e9),
        attributes,
        attempt.error,
    )


def _conventional_name(provider: str) -> str:
    return _CONVENTIONAL_NAMES.get(provider, provider)
