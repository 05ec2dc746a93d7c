"""Whether NATS stores what this process appends: after a failed write it responds to no append to that stream."""

import time
from collections.abc import Callable
from functools import lru_cache

from pointsman.contracts.messages.subjects import (
    POLICIES_STREAM,
    POLICIES_SUBJECTS,
    PROBE_STREAM,
    PROBE_SUBJECTS,
    STREAM_SUBJECTS,
)
from pointsman.runtime.telemetry import metrics
from pointsman.runtime.telemetry.logs import logger
from pointsman.runtime.telemetry.rate_limited_warning import RateLimitedWarning

log = logger("bus")

FORGET_AFTER_S = 60.0
"""Time after the last failed append from which on nothing is known: a stream may have no other message for days."""
LASTING_S = 3.0
"""Duration of a failure that counts as a problem: a single append may be lost with a connection."""

_STREAM_BY_FIRST_TOKEN = {pattern.partition(".")[0]: stream for stream, pattern in STREAM_SUBJECTS.items()} | {
    PROBE_SUBJECTS: PROBE_STREAM
}


@lru_cache(maxsize=1024)
def stream_of(subject: str) -> str:
    """Return the stream to which a message on a subject is appended; empty for the subjects of core NATS."""
    if subject.startswith(POLICIES_SUBJECTS):
        return POLICIES_STREAM
    return _STREAM_BY_FIRST_TOKEN.get(subject.partition(".")[0], "")


class WriteHealth:
    """Record the result of each append, by stream. ``clock``: monotonic clock, in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._succeeded_s: dict[str, float] = {}
        self._failures: dict[str, tuple[float, float, str]] = {}
        """First and last time, and text, of the failures since the last success."""
        self._warning = RateLimitedWarning(log, "appending", "NATS may have a full disk, see its log")

    def succeeded(self, subject: str) -> None:
        """Record that an append was acknowledged, or refused for its content."""
        stream = stream_of(subject)
        if stream:
            self._succeeded_s[stream] = self._clock()
            if self._failures and self._failures.pop(stream, None) is not None:
                self._warning.recovered()

    def failed(self, subject: str, text: str, sent_before_s: float = 0.0) -> None:
        """Record that an append, sent ``sent_before_s`` ago, had no acknowledgement."""
        stream, now_s = stream_of(subject), self._clock()
        sent_s = now_s - sent_before_s
        if not stream or self._succeeded_s.get(stream, float("-inf")) > sent_s:
            return
        began_s = self._failures[stream][0] if stream in self._failures else sent_s
        self._failures[stream] = (began_s, now_s, text)
        metrics.appends_failed.labels(stream).inc()
        self._warning.failed(f"{stream}: {text}")

    def reset(self) -> None:
        """Forget the failures: NATS was restarted, or another server is connected."""
        self._failures.clear()

    def problems(self) -> dict[str, str]:
        """Return the streams that lastingly store nothing, with the reason."""
        now_s = self._clock()
        return {
            stream: f"{text}, for {now_s - began_s:.0f} s"
            for stream, (began_s, last_s, text) in sorted(self._failures.items())
            if now_s - began_s >= LASTING_S and now_s - last_s < FORGET_AFTER_S
        }

    def state(self) -> str:
        """Return ``ok``, or the problems in one line, for readiness checks."""
        return "; ".join(f"{stream}: {text}" for stream, text in self.problems().items()) or "ok"
