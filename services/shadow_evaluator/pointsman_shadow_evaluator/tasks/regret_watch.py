"""Alerts about arms that underperform: on ``alerts.regret.<tier>`` when one starts to, and when it stops."""

import time

import msgspec

from pointsman.contracts.config.reporting import RegretConfig
from pointsman.runtime.bus.policies import read_policies
from pointsman.runtime.telemetry.logs import logger
from pointsman.shadow.periods import DAY_MS
from pointsman.shadow.report.builder import build_report
from pointsman.shadow.report.messages import ArmValue, RegretReport
from pointsman_shadow_evaluator.tasks.tier_task import TierTask

log = logger("shadow_evaluator.regret")


class RegretWatch(TierTask):
    """Checks the arms of a tier."""

    alert_kind = "regret"
    failure = "cannot check the regret"
    settle_s = 3600.0
    """How long an arm must not underperform before the alert that it stopped: near the limit it may change often."""
    _well_since: dict[str, float] = {}

    @property
    def interval_s(self) -> float | None:
        """Seconds between two checks; None if the rule is off."""
        settings = self._config.regret
        return settings.check_s if settings.rule != "off" else None

    async def check(self) -> list[str]:
        """Publish an alert about every arm that changed; return the arms that underperform according to the alerts."""
        current = await read_policies(self._bus, self.tier)
        if current is None:
            return []
        now_ms = int(time.time() * 1000)
        window_ms = (now_ms - self._config.regret.window_days * DAY_MS, now_ms)
        tiers = {self.tier: msgspec.structs.replace(current[1], shadows=[])}
        (regret,) = (await build_report(self._store, tiers, self._config, window_ms)).regret
        announced = set(_decode_arms(await self._alerts.state()))
        unknown = {arm.arm for arm in regret.arms if not _can_judge(arm, self._config.regret)}
        now = {arm.arm: arm for arm in regret.arms if arm.underperforms}
        for arm in sorted(now.keys() - announced):
            text = f"{arm} underperforms: it {now[arm].why}"
            if not await self._publish(arm, "starts", announced | {arm}, text, regret):
                return sorted(announced)
            announced.add(arm)
        for arm in sorted(self._settled(announced - now.keys() - unknown)):
            if not await self._publish(arm, "stops", announced - {arm}, f"{arm} no longer underperforms", regret):
                return sorted(announced)
            announced.discard(arm)
        return sorted(announced)

    def _settled(self, arms: set[str]) -> set[str]:
        """Return those of the arms that have not underperformed for long enough."""
        now = time.monotonic()
        self._well_since = {arm: self._well_since.get(arm, now) for arm in arms}
        return {arm for arm, since in self._well_since.items() if now - since >= self.settle_s}

    async def _publish(self, arm: str, change: str, arms: set[str], text: str, regret: RegretReport) -> bool:
        log.warning("tier %s: %s", self.tier, text)
        detail = {"arm": arm, "change": change, "underperforming": sorted(arms), "regret": msgspec.to_builtins(regret)}
        return await self._alerts.publish(_encode_arms(arms), text, detail)


def _can_judge(arm: ArmValue, settings: RegretConfig) -> bool:
    """Return whether the figures suffice to judge an arm; after a switch of policies they do not for a while."""
    return arm.samples >= settings.min_samples if settings.rule == "share" else arm.low is not None


def _encode_arms(arms: set[str]) -> str:
    return msgspec.json.encode(sorted(arms)).decode()


def _decode_arms(state: str) -> list[str]:
    try:
        return msgspec.json.decode(state, type=list[str])
    except msgspec.MsgspecError:
        return []
