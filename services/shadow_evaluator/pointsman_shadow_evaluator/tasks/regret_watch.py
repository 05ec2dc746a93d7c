"""Watching for arms that underperform: an alert on ``alerts.regret.<tier>`` when one begins to, and when it ends."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from pointsman.contracts.config import Config
from pointsman.contracts.config.reporting import RegretConfig
from pointsman.runtime.bus import Bus
from pointsman.runtime.bus.policies import read_policies
from pointsman.runtime.store.store import Store
from pointsman.runtime.telemetry.logs import logger
from pointsman.shadow.report import RegretReport, build_report
from pointsman.shadow.report.messages import ArmValue
from pointsman_shadow_evaluator.patrol import patrol
from pointsman_shadow_evaluator.tasks.alert_publisher import AlertPublisher

log = logger("shadow_evaluator.regret")

KIND = "regret"
SETTLE_S = 3600.0
"""An arm has stopped to underperform when it has not for so long: at the edge of a rule it may come and go."""
DAY_MS = 86_400_000


class RegretWatch:
    """Looks at one tier's arms again and again.

    Parameters
    ----------
    bus : Bus
    store : Store
    tier : str
    config : Config
    following : callable
        Tells whether this process follows the tier; another one watches otherwise.
    settle_s : float
        For how long an arm must not underperform before it has stopped to.
    """

    def __init__(
        self,
        bus: Bus,
        store: Store,
        tier: str,
        config: Config,
        following: Callable[[], bool],
        settle_s: float = SETTLE_S,
    ) -> None:
        self._bus = bus
        self._store = store
        self._config = config
        self._following = following
        self._settle_s = settle_s
        self._announcer = AlertPublisher(bus, store, tier, KIND)
        self._well_since: dict[str, float] = {}
        self.tier = tier

    async def run(self) -> None:
        """Watch until cancelled."""
        settings = self._config.regret
        every_s = settings.check_s if settings.rule != "off" else None
        await patrol(self.tier, self.check, every_s, self._following, "cannot look for regret")

    async def check(self) -> list[str]:
        """Alert about every arm whose state has changed; return the arms that underperform by what was announced."""
        current = await read_policies(self._bus, self.tier)
        if current is None:
            return []
        now_ms = int(time.time() * 1000)
        window_ms = (now_ms - self._config.regret.window_days * DAY_MS, now_ms)
        tiers = {self.tier: msgspec.structs.replace(current[1], shadows=[])}
        (found,) = (await build_report(self._store, tiers, self._config, window_ms)).regret
        told = set(_arms(await self._announcer.state()))
        unknown = {arm.arm for arm in found.arms if not _judged(arm, self._config.regret)}
        now = {arm.arm: arm for arm in found.arms if arm.underperforms}
        for arm in sorted(now.keys() - told):
            text = f"{arm} underperforms: it {now[arm].why}"
            if not await self._say(arm, "starts", told | {arm}, text, found):
                return sorted(told)
            told.add(arm)
        for arm in sorted(self._well(told - now.keys() - unknown)):
            text = f"{arm} no longer underperforms"
            if not await self._say(arm, "stops", told - {arm}, text, found):
                return sorted(told)
            told.discard(arm)
        return sorted(told)

    def _well(self, arms: set[str]) -> set[str]:
        """Return those of the arms that have done well for long enough."""
        now = time.monotonic()
        self._well_since = {arm: self._well_since.get(arm, now) for arm in arms}
        return {arm for arm, since in self._well_since.items() if now - since >= self._settle_s}

    async def _say(self, arm: str, change: str, arms: set[str], text: str, found: RegretReport) -> bool:
        log.warning("tier %s: %s", self.tier, text)
        detail = {"arm": arm, "change": change, "underperforming": sorted(arms), "regret": msgspec.to_builtins(found)}
        return await self._announcer.announce(_state(arms), text, detail)


def _judged(arm: ArmValue, settings: RegretConfig) -> bool:
    """Tell whether an arm could be found to underperform; after a switch, for one, there are no figures for a while."""
    return arm.samples >= settings.min_samples if settings.rule == "share" else arm.low is not None


def _state(arms: set[str]) -> str:
    return msgspec.json.encode(sorted(arms)).decode()


def _arms(state: str) -> list[str]:
    try:
        return msgspec.json.decode(state, type=list[str])
    except msgspec.MsgspecError:
        return []
