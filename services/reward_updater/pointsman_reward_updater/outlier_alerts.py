"""Alerts about costs and latencies far above the usual: on ``alerts.outlier.<tier>``."""

import time
from collections.abc import Iterable

from pointsman.core.bandit import Outlier
from pointsman.learning.ledger import Applied
from pointsman.runtime.bus import Bus, BusError
from pointsman.runtime.bus.notices import publish_alert
from pointsman.runtime.telemetry import metrics
from pointsman.runtime.telemetry.logs import logger
from pointsman_reward_updater.publishing import SERVICE

log = logger("reward_updater.outliers")

ALERT_REPEAT_INTERVAL_S = 3600.0
SIGNALS = {"cost_usd": "${:.6g}", "latency_ms": "{:.6g} ms"}
"""Every signal, and how its values are written."""


class OutlierAlerts:
    """Count the outliers of a tier, and alert about the first of a signal in an hour."""

    def __init__(self, bus: Bus, tier: str) -> None:
        self._bus = bus
        self._tier = tier
        self._alerted_at: dict[str, float] = {}
        for signal in SIGNALS:
            metrics.outcome_outliers.labels(tier, signal)

    async def report(self, applied: Iterable[Applied]) -> None:
        """Count the outliers of committed outcomes; an alert that NATS does not store is in the log of the process."""
        for item in applied:
            for outlier in item.reward.outliers:
                metrics.outcome_outliers.labels(self._tier, outlier.signal).inc()
                now = time.monotonic()
                if now - self._alerted_at.get(outlier.signal, -ALERT_REPEAT_INTERVAL_S) >= ALERT_REPEAT_INTERVAL_S:
                    self._alerted_at[outlier.signal] = now
                    await self._alert(item, outlier)

    async def _alert(self, item: Applied, outlier: Outlier) -> None:
        written = SIGNALS[outlier.signal]
        text = (
            f"{item.arm}: the outcome of decision {item.outcome.decision_id} has {outlier.signal} "
            f"{written.format(outlier.value)}, {outlier.value / outlier.usual:.0f} times the highest that is usual in "
            f"the tier, {written.format(outlier.usual)}; check the unit"
        )
        log.warning("tier %s: %s", self._tier, text)
        detail = {
            "arm": str(item.arm),
            "decision_id": item.outcome.decision_id,
            "outcome_sequence": item.sequence,
            **outlier._asdict(),
        }
        headers = {"Nats-Msg-Id": f"outlier.{self._tier}.{item.sequence}.{outlier.signal}"}
        try:
            await publish_alert(self._bus, "outlier", self._tier, text, SERVICE, detail=detail, headers=headers)
        except BusError as error:
            log.debug("cannot publish the alert: %s", error)
