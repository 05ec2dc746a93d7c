"""One request on its way: from the decision to the outcome, told once, however it ends."""

from __future__ import annotations

import time
from time import perf_counter

from pointsman.contracts.messages.decision import Decision
from pointsman.runtime.telemetry import metrics
from pointsman.runtime.telemetry.logs import about
from pointsman_gateway.chat import genai, meters
from pointsman_gateway.chat.affinity import Affinity, Conversation
from pointsman_gateway.chat.attempts import Attempts
from pointsman_gateway.chat.headers import AUTO_SCORE, Headers, response_headers
from pointsman_gateway.chat.measuring import Exchange, Timings
from pointsman_gateway.chat.sink import OutcomeSink


class OpenExchange:
    """Keeps what an outcome is made from, and hands it to the sink at the end.

    Parameters
    ----------
    decision : Decision
    context : list of float
    direct : bool
        The client named the arm.
    attempts : Attempts
    arrived_s : float
        When the request came, by `perf_counter`.
    auto_score : float or None
        By which the tier was found, where the client left that open.
    """

    def __init__(
        self,
        decision: Decision,
        context: list[float],
        direct: bool,
        attempts: Attempts,
        arrived_s: float,
        sink: OutcomeSink,
        auto_score: float | None = None,
    ) -> None:
        about(decision.decision_id)
        self.decision = decision
        self.attempts = attempts
        self._context = context
        self._direct = direct
        self._arrived_s = arrived_s
        self._decided_at_ms = int(time.time() * 1000)
        self._first_byte_s: float | None = None
        self._sink = sink
        self._auto_score = auto_score
        self._ended = False

    @property
    def _provider(self) -> str:
        return self.attempts.served.provider if self.attempts.served else ""

    def headers(self) -> Headers:
        """Return what the answer says of itself; the time until here is the overhead."""
        told = response_headers(self.decision, self._direct, self.attempts, self._arrived_s)
        return told if self._auto_score is None else (*told, (AUTO_SCORE, f"{self._auto_score:.3f}"))

    def begin_answer(self) -> None:
        """Note that the first byte goes out."""
        now_s = self._first_byte_s = perf_counter()
        after_s = now_s - self._arrived_s
        meters.first_byte(self.decision.tier, self._provider, after_s, after_s - self.attempts.waited_s)

    def remember(self, affinity: Affinity, conversation: Conversation | None) -> None:
        """Have the next turn of the conversation stay with who serves this one."""
        if self.attempts.served is not None:
            affinity.remember(self.decision.tier, conversation, self.attempts.served, auto=self._auto_score is not None)

    def end(self, status: int, *, faulty: bool = False, gone: bool = False, stopped: bool = False) -> None:
        """Tell the sink; only the first call does.

        Parameters
        ----------
        status : int
            What the client got.
        faulty : bool
            The request itself was at fault.
        gone : bool
            The client left before the end.
        stopped : bool
            The gateway did, or failed itself.
        """
        if self._ended:
            return
        self._ended = True
        attempts, answer = self.attempts, self.attempts.answer
        now_s = perf_counter()
        first_s = self._first_byte_s
        completion = answer.completion if answer is not None else None
        meters.answered(self.decision.tier, self._provider, status, now_s - self._arrived_s, completion)
        genai.ended(attempts, first_s, now_s, interrupted=answer is None and (gone or stopped))
        if gone:
            metrics.llm_disconnects.labels(self.decision.tier).inc()
        self._sink.put(
            Exchange(
                decision=self.decision,
                context=self._context,
                direct=self._direct,
                attempts=attempts.made,
                served=attempts.served,
                completion=completion,
                faulty=faulty,
                gone=gone,
                stopped=stopped,
                timings=Timings(
                    decided_at_ms=self._decided_at_ms,
                    ended_at_ms=int(time.time() * 1000),
                    first_byte_ms=None if first_s is None else (first_s - self._arrived_s) * 1000.0,
                    total_ms=(now_s - self._arrived_s) * 1000.0,
                    serving_ms=None if answer is None else (now_s - attempts.began_s) * 1000.0,
                ),
                request=attempts.request,
            )
        )
