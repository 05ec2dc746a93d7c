"""Following one tier: its decisions evaluated and its rewards joined, by the evaluator that holds the tier's lease."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from pointsman.contracts.config import Config, TierConfig
from pointsman.contracts.messages.errors import UnknownVersion
from pointsman.contracts.messages.policies import TierPolicies
from pointsman.runtime.bus import Bus, BusError, PoliciesUnreadable
from pointsman.runtime.bus.policies import read_policies
from pointsman.runtime.store.errors import StateError
from pointsman.runtime.store.lease import Lease
from pointsman.runtime.store.store import Store
from pointsman.runtime.telemetry import metrics
from pointsman.runtime.telemetry.logs import bind_tier, logger
from pointsman.runtime.telemetry.rate_limited_warning import RateLimitedWarning
from pointsman.shadow.sums.store import ShadowStore
from pointsman_shadow_evaluator.decisions.decision_reader import DecisionReader
from pointsman_shadow_evaluator.decisions.event_publisher import EventPublisher
from pointsman_shadow_evaluator.evaluation_state import EvaluationState
from pointsman_shadow_evaluator.rewards.reward_reader import RewardReader

log = logger("shadow_evaluator")

RETRY_S = 0.5


class TierEvaluator:
    """Follows a tier for as long as it holds the tier's lease.

    Two readers work under it, each with a place in its stream that its commits compare: whatever crashes, and whoever
    else believes to hold the lease, each decision and each reward counts once. When one reader must start over, both
    do, from what the store says then.

    Parameters
    ----------
    bus : Bus
    store : Store
    tier : TierConfig
    config : Config
    holder : str
        This process, by a name that no other has.
    writer : EventPublisher
    """

    def __init__(
        self, bus: Bus, store: Store, tier: TierConfig, config: Config, holder: str, writer: EventPublisher
    ) -> None:
        self._bus = bus
        self._store = ShadowStore(store, tier.name)
        self._lease = Lease(store, "shadow-evaluator", tier.name, holder, config.shadow_evaluator.lease_ms)
        self._renew_s = config.shadow_evaluator.lease_ms / 3000.0
        self._state = EvaluationState(config, tier)
        self._decisions = DecisionReader(bus, store, self._state, config, writer)
        self._rewards = RewardReader(bus, store, self._state, config)
        self.tier = tier.name
        self.status = "starting"
        self._warning = RateLimitedWarning(log, f"tier {tier.name}", "retrying")

    def set_policies(self, version: int, policies: TierPolicies) -> None:
        """Run the tier's shadows of that version from the next batch on."""
        self._state.set_policies(version, policies.active, policies.shadows)

    async def run(self) -> None:
        """Follow the tier until cancelled."""
        bind_tier(self.tier)
        try:
            while True:
                try:
                    if await self._lease.hold():
                        await self._follow()
                    else:
                        self.status = "standby"
                        self._warning.recovered()
                        metrics.shadow_lag.remove(self.tier)  # another one's to tell now
                        metrics.shadow_reward_lag.remove(self.tier)
                        await asyncio.sleep(self._renew_s)
                except (BusError, StateError) as error:
                    self._warning.failed(str(error))
                    self.status = f"waiting: {error}"
                    await asyncio.sleep(RETRY_S)
        finally:
            if self.status == "following":
                try:
                    await self._lease.drop()
                except StateError as error:
                    log.debug("tier %s: lease not given back: %s", self.tier, error)

    async def _follow(self) -> None:
        """Follow until the lease is lost, or one of the readers must start over."""
        await self._read_policies()
        self._state.progress = await self._store.progress()
        self._state.recent.clear()
        self.status = "following"
        log.info("tier %s: following from %d on", self.tier, self._state.progress.watermark + 1)
        await _first_of(self._decisions.run(), self._rewards.run(), self._keep_lease())

    async def _read_policies(self) -> None:
        """Begin with the policies in force. With others, a batch would count for shadows that do not run."""
        try:
            current = await read_policies(self._bus, self.tier)
        except (PoliciesUnreadable, UnknownVersion) as error:
            log.error("tier %s: %s; the policies before stay in force", self.tier, error)
            return
        if current is not None:
            self.set_policies(*current)

    async def _keep_lease(self) -> None:
        """Hold the lease until it is somebody else's."""
        while True:
            await asyncio.sleep(self._renew_s)
            self._warning.recovered()
            if not await self._lease.hold():
                log.info("tier %s: another evaluator follows it now", self.tier)
                return


async def _first_of(*jobs: Coroutine[Any, Any, None]) -> None:
    """Run jobs until the first one ends, end the others, and raise what the first one raised."""
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
