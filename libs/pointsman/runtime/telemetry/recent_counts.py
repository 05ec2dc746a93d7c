"""Counts of the last minute, for the status that a process reports: they need no Prometheus server.

Metrics only rise, so the counts of the last minute are the difference between now and a sample taken a minute ago.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import NamedTuple, Self

from pointsman.runtime.telemetry import metrics
from pointsman.runtime.telemetry.instruments import Histogram

SAMPLE_INTERVAL_S = 10.0
WINDOW_S = 60.0

HOPS: dict[str, tuple[Histogram, Mapping[str, str]]] = {
    "http_decision": (metrics.http_seconds, {"route": "/v1/decisions"}),
    "http_outcome": (metrics.http_seconds, {"route": "/v1/outcomes"}),
    "replica": (metrics.decision_seconds, {}),
    "store_commit": (metrics.commit_seconds, {}),
    "llm_overhead": (metrics.llm_overhead_seconds, {}),
    "llm_first_byte": (metrics.llm_first_byte_seconds, {}),
    **{
        name: (metrics.hop_seconds, {"hop": name})
        for name in ("gateway_decision", "decision_log", "outcome_log", "outcome_commit", "commit_replica")
    },
}
"""For each hop of the System view, its histogram and the labels of its children; see `docs/reference/metrics.md`."""


class MetricCounts(NamedTuple):
    """Cumulative counts of this process, or the difference between two of them.

    ``degraded``: by (tier, reason).
    ``hops``: by (hop, index of the bucket).
    ``failed_attempts``: failed attempts at providers, by (provider, error).
    ``served``: chat requests that a provider has answered without an error, by provider.
    """

    decisions: int
    outcomes: int
    degraded: Counter[tuple[str, ...]]
    hops: Counter[tuple[str, int]]
    failed_attempts: Counter[tuple[str, ...]] = Counter()
    served: Counter[str] = Counter()

    @classmethod
    def read(cls) -> Self:
        """Return the counts since the process started."""
        served: Counter[str] = Counter()
        for (_, provider, status), count in metrics.llm_requests.values().items():
            served[provider] += int(count) if status < "400" else 0
        failed = {labels: int(count) for labels, count in metrics.llm_failed_attempts.values().items()}
        return cls(
            decisions=int(metrics.decisions.total()),
            outcomes=int(metrics.outcomes_accepted.total()),
            degraded=Counter({labels: int(count) for labels, count in metrics.fallbacks.values().items()}),
            hops=Counter(
                {
                    (name, bucket): count
                    for name, (histogram, labels) in HOPS.items()
                    for bucket, count in enumerate(histogram.bucket_counts(**labels))
                }
            ),
            failed_attempts=Counter(failed),
            served=served,
        )

    def since(self, earlier: Self) -> Self:
        """Return the counts after an earlier reading; zeros are left out of the counters."""
        return self._replace(
            decisions=self.decisions - earlier.decisions,
            outcomes=self.outcomes - earlier.outcomes,
            degraded=self.degraded - earlier.degraded,
            hops=self.hops - earlier.hops,
            failed_attempts=self.failed_attempts - earlier.failed_attempts,
            served=self.served - earlier.served,
        )


class RecentCounts:
    """Counts since the newest sample that is at least a minute old, or since the beginning.

    ``read``: returns the cumulative counts.
    ``clock``: monotonic, in seconds.
    """

    def __init__(
        self, read: Callable[[], MetricCounts] = MetricCounts.read, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = read
        self._clock = clock
        self._samples = deque([(clock(), read())])

    def sample(self) -> None:
        """Remember the current counts, and drop the samples that are no longer needed."""
        now_s = self._clock()
        self._samples.append((now_s, self._read()))
        while now_s - self._samples[1][0] >= WINDOW_S:
            self._samples.popleft()

    def recent(self) -> tuple[float, MetricCounts]:
        """Return the length of the window in seconds, and the counts in it."""
        start_s, earlier = self._samples[0]
        return self._clock() - start_s, self._read().since(earlier)
