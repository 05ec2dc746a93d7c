"""What does not work in a process, as its status reports it: from its appends and its counts of the last minute."""

from collections import Counter
from collections.abc import Iterator

from pointsman.contracts.messages.status import StatusProblem
from pointsman.runtime.bus.bus import Bus
from pointsman.runtime.telemetry.recent_counts import MetricCounts

MIN_FAILED_ATTEMPTS = 3
FAILING_SHARE = 0.1
"""Share of failed attempts at a provider from which on it is reported."""
CLIENTS_FAULT = "request"
"""Error of attempts that failed because the request does not fit the provider: nothing was sent to it."""


def write_problems(bus: Bus | None) -> Iterator[StatusProblem]:
    """Yield the streams to which this process cannot append."""
    for stream, text in ({} if bus is None else bus.requests.writes.problems()).items():
        yield StatusProblem(kind="unwritable", subject=f"stream {stream}", text=text, serious=True)


def count_problems(counts: MetricCounts, over_s: float) -> Iterator[StatusProblem]:
    """Yield the tiers with degraded answers and the providers with many failed attempts, in the last ``over_s``."""
    reasons: dict[str, Counter[str]] = {}
    for (tier, reason), count in counts.degraded.items():
        reasons.setdefault(tier, Counter())[reason] += count
    for tier, by_reason in reasons.items():
        text = f"{by_reason.total():,} degraded answers in {over_s:.0f} s ({_listed(by_reason)})"
        yield StatusProblem(kind="degraded", subject=f"tier {tier}", text=text)
    errors: dict[str, Counter[str]] = {}
    for (provider, error), count in counts.failed_attempts.items():
        if error != CLIENTS_FAULT:
            errors.setdefault(provider, Counter())[error] += count
    for provider, by_error in errors.items():
        failed, served = by_error.total(), counts.served[provider]
        if failed >= MIN_FAILED_ATTEMPTS and failed >= FAILING_SHARE * (failed + served):
            text = f"{failed:,} of {failed + served:,} attempts failed in {over_s:.0f} s ({_listed(by_error)})"
            yield StatusProblem(kind="provider", subject=f"provider {provider}", text=text)


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.most_common(3))
