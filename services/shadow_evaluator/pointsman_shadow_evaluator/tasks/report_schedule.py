"""The scheduled report: published weekly or daily per tier on ``alerts.report.<tier>``."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from pointsman.contracts.config.reporting import WEEKDAYS, ReportConfig
from pointsman.contracts.messages import subjects
from pointsman.runtime.bus.policies import read_policies
from pointsman.shadow.report.builder import build_report
from pointsman.shadow.report.messages import Report
from pointsman.shadow.sums.store import ShadowStore
from pointsman_shadow_evaluator.tasks.tier_task import TierTask

CHECK_INTERVAL_S = 30.0
EMPTY_RETRY_INTERVAL_S = 3600.0
"""Time until a period without decisions is checked again."""
MAX_ENTRIES = 20
"""Pairs and arms of each policy in an alert: the size of a message is limited, and a tier may have many arms."""


class Period(NamedTuple):
    """The period of one scheduled report.

    Attributes
    ----------
    name: Its end, such as ``2026-11-16T06:00Z``.
    from_ms, to_ms: Unix milliseconds.
    """

    name: str
    from_ms: int
    to_ms: int


def latest_period(settings: ReportConfig, now: datetime) -> Period | None:
    """Return the period that ended last before ``now`` (UTC); None if nothing is scheduled."""
    if settings.every == "off":
        return None
    length = timedelta(days=7 if settings.every == "week" else 1)
    end = now.replace(hour=settings.hour, minute=0, second=0, microsecond=0)
    if settings.every == "week":
        end -= timedelta(days=(end.weekday() - WEEKDAYS.index(settings.weekday)) % 7)
    if end > now:
        end -= length
    return Period(f"{end:%Y-%m-%dT%H:%MZ}", _ms(end - length), _ms(end))


class ReportSchedule(TierTask):
    """Publishes the report of a tier once for each period, after the period has ended."""

    alert_kind = "report"
    failure = "cannot publish the report yet"
    _done = ""
    _last_decision = ("", 0)
    _retry_at = 0.0

    @property
    def interval_s(self) -> float | None:
        """Seconds between two checks; None if no report is scheduled."""
        return CHECK_INTERVAL_S if self._config.report.every != "off" else None

    async def check(self, now: datetime | None = None) -> bool:
        """Publish the report of the last period before ``now`` (UTC) unless it was; return whether this call did."""
        period = latest_period(self._config.report, now or datetime.now(UTC))
        if period is None or period.name == self._done or time.monotonic() < self._retry_at:
            return False
        if await self._alerts.state() >= period.name:
            self._done = period.name
            return False
        if not await self._evaluated(period):
            return False
        current = await read_policies(self._bus, self.tier)
        if current is None:
            return False
        report = await build_report(self._store, {self.tier: current[1]}, self._config, (period.from_ms, period.to_ms))
        if not any(policy.decisions or policy.errors for policy in report.policies):
            self._retry_at = time.monotonic() + EMPTY_RETRY_INTERVAL_S
            return False
        return await self._alerts.publish(period.name, summary(report), alert_detail(report, period))

    async def _evaluated(self, period: Period) -> bool:
        """Return whether every decision of the period was evaluated.

        Their sequences are at most that of the last decision in the log at the first check after the period.
        """
        if self._last_decision[0] != period.name:
            last = await self._bus.last(subjects.DECISIONS, subjects.decision_log(self.tier))
            self._last_decision = (period.name, last.sequence if last else 0)
        return await ShadowStore(self._store, self.tier).watermark() >= self._last_decision[1]


def summary(report: Report) -> str:
    """Return a report as one line: the verdict on each policy with the reason."""
    first, last = (
        datetime.fromtimestamp(ms / 1000.0, UTC).strftime("%Y-%m-%d %H:%M")
        for ms in (report.window.from_ms, report.window.to_ms)
    )
    verdicts = "; ".join(f"{policy.policy}: {policy.verdict} ({policy.why})" for policy in report.policies)
    return f"{first} to {last} UTC: {verdicts}"


def alert_detail(report: Report, period: Period) -> dict[str, Any]:
    """Return a report as the detail of an alert: with only the most frequent pairs and arms of each policy."""
    replace = msgspec.structs.replace
    policies = []
    for policy in report.policies:
        bias = replace(policy.rewarded_bias, arms=policy.rewarded_bias.arms[:MAX_ENTRIES])
        policies.append(replace(policy, pairs=policy.pairs[:MAX_ENTRIES], rewarded_bias=bias))
    fields: dict[str, Any] = msgspec.to_builtins(replace(report, policies=policies))
    return {"period": period.name, **fields}


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000.0)
