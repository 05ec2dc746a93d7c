"""Children of metrics, looked up once: looking labels up each time would cost more than counting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Generic, Literal, TypeVar

from pointsman.runtime.telemetry import metrics
from pointsman.runtime.telemetry.instruments import Counter, Histogram, Summary

Hop = Literal["gateway_decision", "decision_log", "outcome_log", "outcome_commit", "commit_replica"]
"""See `docs/reference/metrics.md`."""

Metric = TypeVar("Metric", Counter, Summary)


@lru_cache(maxsize=4096)
def hop(name: Hop, tier: str) -> Histogram:
    """Return where the times of a hop are observed."""
    return metrics.hop_seconds.labels(name, tier)


class ArmMeters(Generic[Metric]):
    """A metric with the labels tier and arm, for the arms of the configuration; all other arms are one.

    Parameters
    ----------
    metric : Counter or Summary
    arms : mapping of tier to iterable of Arm
        The configuration's.
    """

    def __init__(self, metric: Metric, arms: Mapping[str, Iterable[tuple[str, str]]]) -> None:
        self._known: dict[tuple[str, str, str], Metric] = {
            (tier, provider, model): metric.labels(tier, f"{provider}:{model}")
            for tier, of_tier in arms.items()
            for provider, model in of_tier
        }
        self._others: dict[str, Metric] = {tier: metric.labels(tier, metrics.OTHER) for tier in arms}

    def of(self, tier: str, provider: str, model: str) -> Metric:
        """Return the child of an arm."""
        known = self._known.get((tier, provider, model))
        return self._others[tier] if known is None else known
