"""The report that comes by itself: each tier's, once a week or day, on ``alerts.report.<tier>``."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from pointsman.contracts.config import Config
from pointsman.contracts.config.reporting import WEEKDAYS, ReportConfig
from pointsman.contracts.messages import subjects
from pointsman.runtime.bus import Bus
from pointsman.runtime.bus.policies import read_policies
from pointsman.runtime.store.store import Store
from pointsman.shadow.report import Report, build_report
from pointsman.shadow.sums.store import ShadowStore
from pointsman_shadow_evaluator.patrol import patrol
from pointsman_shadow_evaluator.tasks.alert_publisher import AlertPublisher

KIND = "report"
CHECK_S = 30.0
AGAIN_S = 3600.0
"""A window without decisions is looked at again after so long."""
MOST = 20
"""Pairs and arms of each policy in an alert: a message has a largest size, and a tier may have many arms."""


class Period(NamedTuple):
    """What one scheduled report is about.

    Attributes
    ----------
    name : str
        Its end, as ``2026-11-16T06:00Z``.
    from_ms, to_ms : int
        Unix milliseconds.
    """

    name: str
    from_ms: int
    to_ms: int


def latest_period(settings: ReportConfig, now: datetime) -> Period | None:
    """Return the period that ended last; None when nothing is scheduled.

    Parameters
    ----------
    now : datetime
        In UTC.
    """
    if settings.every == "off":
        return None
    length = timedelta(days=7 if settings.every == "week" else 1)
    end = now.replace(hour=settings.hour, minute=0, second=0, microsecond=0)
    if settings.every == "week":
        end -= timedelta(days=(end.weekday() - WEEKDAYS.index(settings.weekday)) % 7)
    if end > now:
        end -= length
    return Period(f"{end:%Y-%m-%dT%H:%MZ}", _ms(end - length), _ms(end))


class ReportSchedule:
    """Publishes one tier's report when a period has ended, once for each.

    Parameters
    ----------
    bus : Bus
    store : Store
    tier : str
    config : Config
    following : callable
        Tells whether this process follows the tier; another one reports otherwise.
    check_s : float
        How often to look.
    """

    def __init__(
        self,
        bus: Bus,
        store: Store,
        tier: str,
        config: Config,
        following: Callable[[], bool],
        check_s: float = CHECK_S,
    ) -> None:
        self._bus = bus
        self._store = store
        self._config = config
        self._following = following
        self._check_s = check_s
        self._announcer = AlertPublisher(bus, store, tier, KIND)
        self._done = ""
        self._ends_at: tuple[str, int] = ("", 0)
        self._again_at = 0.0
        self.tier = tier

    async def run(self) -> None:
        """Report until cancelled."""
        every_s = self._check_s if self._config.report.every != "off" else None
        await patrol(self.tier, self.check, every_s, self._following, "no report yet")

    async def check(self, now: datetime | None = None) -> bool:
        """Publish the report of the period that ended last, if nobody has; tell whether this did.

        Parameters
        ----------
        now : datetime, optional
            In UTC.
        """
        now = now or datetime.now(UTC)
        period = latest_period(self._config.report, now)
        if period is None or period.name == self._done or time.monotonic() < self._again_at:
            return False
        if await self._announcer.state() >= period.name:
            self._done = period.name
            return False
        if not await self._complete(period):
            return False
        current = await read_policies(self._bus, self.tier)
        if current is None:
            return False
        report = await build_report(self._store, {self.tier: current[1]}, self._config, (period.from_ms, period.to_ms))
        if not any(policy.decisions or policy.errors for policy in report.policies):
            self._again_at = time.monotonic() + AGAIN_S
            return False
        return await self._announcer.announce(period.name, summary(report), detail(report, period))

    async def _complete(self, period: Period) -> bool:
        """Tell whether every decision of the period was evaluated.

        All that were made before the period ended have a sequence up to the one that is last at the first look after.
        """
        if self._ends_at[0] != period.name:
            last = await self._bus.last(subjects.DECISIONS, subjects.decision_log(self.tier))
            self._ends_at = (period.name, last.sequence if last else 0)
        return await ShadowStore(self._store, self.tier).watermark() >= self._ends_at[1]


def summary(report: Report) -> str:
    """Return a report in a line: each policy's verdict with the reason."""
    first, last = (
        datetime.fromtimestamp(ms / 1000.0, UTC).strftime("%Y-%m-%d %H:%M")
        for ms in (report.window.from_ms, report.window.to_ms)
    )
    verdicts = "; ".join(f"{policy.policy}: {policy.verdict} ({policy.why})" for policy in report.policies)
    return f"{first} to {last} UTC: {verdicts}"


def detail(report: Report, period: Period) -> dict[str, Any]:
    """Return a report as an alert has it: with the most frequent pairs and arms of each policy only."""
    replace = msgspec.structs.replace
    policies = []
    for policy in report.policies:
        bias = replace(policy.rewarded_bias, arms=policy.rewarded_bias.arms[:MOST])
        policies.append(replace(policy, pairs=policy.pairs[:MOST], rewarded_bias=bias))
    told: dict[str, Any] = msgspec.to_builtins(replace(report, policies=policies))
    return {"period": period.name, **told}


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000.0)
