"""Shadow evaluation of one tier under its lease: reads the decisions and the rewards."""

import asyncio
import time

from pointsman.contracts.config import Config, TierConfig
from pointsman.contracts.messages.errors import UnknownVersion
from pointsman.contracts.messages.policies import TierPolicies
from pointsman.contracts.messages.status import TierStatus
from pointsman.runtime.bus import Bus, PoliciesUnreadable
from pointsman.runtime.bus.notices import publish_alert
from pointsman.runtime.bus.policies import read_policies
from pointsman.runtime.store.store import Store
from pointsman.runtime.telemetry import metrics
from pointsman.runtime.telemetry.logs import logger
from pointsman.runtime.worker import TierWorker
from pointsman.shadow.sums.store import ShadowStore
from pointsman_shadow_evaluator.decisions.decision_reader import DecisionReader
from pointsman_shadow_evaluator.decisions.event_publisher import EventPublisher
from pointsman_shadow_evaluator.evaluation_state import EvaluationState
from pointsman_shadow_evaluator.log_reading import SERVICE
from pointsman_shadow_evaluator.rewards.reward_reader import RewardReader

log = logger("shadow_evaluator")

LAGS = (metrics.shadow_lag, metrics.shadow_reward_lag)


class TierEvaluator(TierWorker):
    """Evaluates a tier for as long as this process holds the tier's lease.

    Two readers run in it. The commits of each compare its position in its stream, so each decision and each reward
    counts once, even after a crash or if another process believes it holds the lease too. When one reader must start
    again, both do, from what the store holds then. ``holder`` is a name that is unique to this process.
    """

    role = "shadow-evaluator"
    running_status = "following"

    def __init__(
        self, bus: Bus, store: Store, tier: TierConfig, config: Config, holder: str, publisher: EventPublisher
    ) -> None:
        super().__init__(store, tier.name, holder, config.shadow_evaluator.lease_ms, log)
        self._bus = bus
        self._store = ShadowStore(store, tier.name)
        self._evaluation = EvaluationState(config, tier)
        self._decisions = DecisionReader(bus, store, self._evaluation, config, publisher)
        self._rewards = RewardReader(bus, store, self._evaluation, config)
        self._readers: list[asyncio.Task[None]] = []

    def set_policies(self, version: int, policies: TierPolicies) -> None:
        """Run the tier's shadows of that version from the next batch on."""
        self._evaluation.set_policies(version, policies.active, policies.shadows)

    def tier_status(self) -> TierStatus:
        """Return the status of the tier, with the lags of the readers while they run."""
        lags = [lag.values().get((self.tier,)) if self.running else None for lag in LAGS]
        shadow_lag, reward_lag = (None if lag is None else int(lag) for lag in lags)
        return TierStatus(tier=self.tier, shadow_lag=shadow_lag, reward_lag=reward_lag, doing=self.status)

    async def load(self) -> None:
        """Read the policies and the progress, and start the readers."""
        await self._read_policies()
        self._evaluation.progress = await self._store.progress()
        await self._store.begin_days(self._evaluation.progress, time.time())
        self._evaluation.recent.clear()
        log.info("tier %s: evaluates from decision %d on", self.tier, self._evaluation.progress.watermark + 1)
        self._readers = [asyncio.create_task(reader.run()) for reader in (self._decisions, self._rewards)]

    async def step(self) -> bool:
        """Wait for a reader to end; return False when one did."""
        done, _ = await asyncio.wait(
            self._readers, timeout=self.renew_interval_s / 2, return_when=asyncio.FIRST_COMPLETED
        )
        for reader in done:
            reader.result()
        return not done

    async def unload(self) -> None:
        """Stop the readers."""
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)

    def on_standby(self) -> None:
        """Remove the lags: another process exports them now."""
        for lag in LAGS:
            lag.remove(self.tier)

    async def on_newer(self, problem: str) -> None:
        """Raise an alert."""
        await publish_alert(self._bus, "newer-version", self.tier, problem, SERVICE)

    async def _read_policies(self) -> None:
        """Start with the policies in force: with others, a batch would count for shadows that do not run."""
        try:
            current = await read_policies(self._bus, self.tier)
        except (PoliciesUnreadable, UnknownVersion) as error:
            log.error("tier %s: %s; the previous policies stay in force", self.tier, error)
            return
        if current is not None:
            self.set_policies(*current)
