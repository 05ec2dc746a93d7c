"""The state of one LLM call, from the decision to its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter

from pointsman.contracts.messages.decision import Decision
from pointsman.core.bandit import Arm
from pointsman.llm.completion import Completion
from pointsman.runtime.telemetry import metrics
from pointsman.runtime.telemetry.logs import logger
from pointsman_gateway.chat import gen_ai
from pointsman_gateway.chat.attempts import Attempts

log = logger("gateway.chat.call")


@dataclass(slots=True, eq=False, kw_only=True)
class ChatCall:
    """One LLM call. `end` sets the attributes from ``completion`` on, and passes the call to ``on_end``.

    Attributes
    ----------
    context: As sent with the decision request.
    direct: The client named the arm, so nothing was chosen.
    arrived_s: When the request arrived, by `perf_counter`.
    on_end: Receives the call when it has ended, however it ended.
    difficulty: Score by which the tier was found, where the client left it open.
    decided_at_ms: Unix milliseconds.
    first_byte_s: When the first byte was sent to the client, by `perf_counter`.
    completion: Of the answer that was sent.
    request_faulty: The request itself was at fault.
    client_left: The client disconnected before the end.
    stopped: The gateway stopped, or failed itself, before the end.
    ended_at_ms: Unix milliseconds.
    total_ms: From the arrival of the request to the last byte.
    serving_ms: From the start of the attempt that served to the last byte; None when no arm served.
    """

    decision: Decision
    context: list[float]
    direct: bool
    attempts: Attempts
    arrived_s: float
    on_end: Callable[[ChatCall], None]
    difficulty: float | None = None
    decided_at_ms: int = field(default_factory=lambda: int(time.time() * 1000))
    first_byte_s: float | None = None
    completion: Completion | None = None
    request_faulty: bool = False
    client_left: bool = False
    stopped: bool = False
    ended_at_ms: int = 0
    total_ms: float = 0.0
    serving_ms: float | None = None

    @property
    def served(self) -> Arm | None:
        """The arm whose answer was sent."""
        return self.attempts.served

    @property
    def chosen_served(self) -> bool:
        """Whether the arm that was chosen served."""
        return self.served == Arm(self.decision.provider, self.decision.model)

    @property
    def first_byte_ms(self) -> float | None:
        """Time from the arrival of the request to the first byte for the client."""
        return None if self.first_byte_s is None else (self.first_byte_s - self.arrived_s) * 1000.0

    def begin_answer(self) -> None:
        """Record that the first byte is sent to the client."""
        self.first_byte_s = perf_counter()
        elapsed_s = self.first_byte_s - self.arrived_s
        tier = self.decision.tier
        metrics.llm_first_byte_seconds.labels(tier, self._provider).observe(elapsed_s)
        metrics.llm_overhead_seconds.labels(tier).observe(elapsed_s - self.attempts.waited_s)

    def end(
        self, status: int, *, request_faulty: bool = False, client_left: bool = False, stopped: bool = False
    ) -> None:
        """Record the end with the HTTP status for the client; only the first call has an effect."""
        if self.ended_at_ms:
            return
        now_s = perf_counter()
        answer = self.attempts.answer
        self.request_faulty, self.client_left, self.stopped = request_faulty, client_left, stopped
        if answer is not None:
            try:
                self.completion = answer.completion
            except Exception:  # a bug: nothing is learned from the answer, and its outcome is logged all the same
                log.exception("an answer could not be summarised")
                self.completion, self.stopped = Completion(status=answer.status), True
        self.ended_at_ms = int(time.time() * 1000)
        self.total_ms = (now_s - self.arrived_s) * 1000.0
        self.serving_ms = None if answer is None else (now_s - self.attempts.started_s) * 1000.0
        try:
            self.on_end(self)  # first: the outcome depends on nothing else
            self._count(status)
            gen_ai.record_attempts(
                self.attempts, self.first_byte_s, now_s, interrupted=answer is None and (client_left or stopped)
            )
        except Exception:
            log.exception("the end of a call could not be recorded completely")

    @property
    def _provider(self) -> str:
        return self.served.provider if self.served else ""

    def _count(self, status: int) -> None:
        tier, provider = self.decision.tier, self._provider
        metrics.llm_requests.labels(tier, provider, str(status)).inc()
        metrics.llm_seconds.labels(tier, provider).observe(self.total_ms / 1000.0)
        if self.client_left:
            metrics.llm_disconnects.labels(tier).inc()
        if self.completion is None:
            return
        for fault in self.completion.usage_faults:
            metrics.llm_usage_faults.labels(provider, fault).inc()
        usage = self.completion.usage
        if usage is not None:
            for kind, tokens in (
                ("input", usage.input_tokens),
                ("cached", usage.cached_input_tokens),
                ("output", usage.output_tokens),
            ):
                if tokens:
                    metrics.llm_tokens.labels(tier, provider, kind).inc(tokens)
