"""Following one tier's decision log: each decision evaluated once by every shadow, and counted once."""

from __future__ import annotations

import asyncio
import time

from nats.errors import Error as NatsError

from pointsman.bus import Bus, BusError, LogReader, StoredMessage, read_ack
from pointsman.bus.dead_letters import bury
from pointsman.config import Config
from pointsman.messages import subjects
from pointsman.messages.codec import decode, encode
from pointsman.messages.decision import event_decoder
from pointsman.messages.errors import MessageError
from pointsman.messages.ids import DecisionId
from pointsman.messages.notices import ShadowDecision
from pointsman.messages.policies import TierPolicies
from pointsman.messages.validation import check_event
from pointsman.observability import metrics
from pointsman.observability.logs import logger
from pointsman.state import Lease, ShadowStore, StateError, Store
from services.shadow_evaluator.evaluation import Logged, Shadow, add_sums

log = logger("shadow_evaluator")

SERVICE = "shadow-evaluator"
APPEND_TIMEOUT_S = 5.0
IDLE_S = 1.0
RETRY_S = 0.5
DAY_S = 86_400


class TierFollower:
    """Evaluates a tier's decisions for as long as it holds the tier's lease.

    As in the reward-updater, the commit of the sums compares the watermark, so that a decision counts once whatever
    crashes. Events on ``shadow.<policy>.<tier>`` come before the commit: none is missing, some may come twice, the
    same to the byte. The log is read even while there is no shadow, so that a new one begins with the present.

    Parameters
    ----------
    bus : Bus
    store : Store
    tier : str
    config : Config
    holder : str
        This process, by a name that no other has.
    """

    def __init__(self, bus: Bus, store: Store, tier: str, config: Config, holder: str) -> None:
        self._bus = bus
        self._store = ShadowStore(store, tier)
        self._lease = Lease(store, "shadow-evaluator", tier, holder, config.shadow_evaluator.lease_ms)
        self._renew_s = config.shadow_evaluator.lease_ms / 3000.0
        self._held_at = 0.0
        self._max_batch = config.shadow_evaluator.max_batch
        self._keep_s = config.shadow_evaluator.keep_days * DAY_S
        self._shadows = [Shadow(spec, 0) for spec in config.shadows(next(t for t in config.tier if t.name == tier))]
        self.tier = tier
        self.status = "starting"

    def set_policies(self, version: int, policies: TierPolicies) -> None:
        """Run these shadows from the next batch on; one that stays the same keeps its state."""
        kept = {shadow.spec.identity: shadow for shadow in self._shadows if shadow.version}
        self._shadows = [kept.get(spec.identity) or Shadow(spec, version) for spec in policies.shadows]
        for shadow in self._shadows:
            if shadow.broken:
                log.error("tier %s: shadow %s cannot run: %s", self.tier, shadow.spec.name, shadow.broken)

    async def run(self) -> None:
        """Follow the log until cancelled."""
        try:
            while True:
                try:
                    if await self._still_ours():
                        await self._follow()
                    else:
                        self.status = "standby"
                        await asyncio.sleep(self._renew_s)
                except (BusError, StateError, NatsError) as error:
                    log.warning("tier %s: %s; trying again", self.tier, error)
                    self.status = f"waiting: {error}"
                    await asyncio.sleep(RETRY_S)
        finally:
            if self.status == "following":
                try:
                    await self._lease.drop()
                except StateError as error:
                    log.debug("tier %s: lease not given back: %s", self.tier, error)

    async def _follow(self) -> None:
        watermark = await self._store.watermark()
        end = (await self._bus.info(subjects.DECISIONS)).state.last_seq
        if end < watermark:
            log.error("tier %s: the decision log ends at %d, before %d; it was put back", self.tier, end, watermark)
            watermark = (await self._store.add(watermark, end, {}, self._keep_s)).watermark
        self.status = "following"
        reader = LogReader(
            self._bus,
            subjects.DECISIONS,
            subjects.decision_log(self.tier),
            watermark + 1,
            max_batch=self._max_batch,
        )
        try:
            while await self._still_ours():
                batch = await reader.next_batch(wait_s=min(self._renew_s, IDLE_S))
                if reader.restarts > 0:
                    return
                metrics.shadow_lag.labels(self.tier).set(reader.pending + len(batch))
                if batch and not await self._evaluate(batch, watermark):
                    return
                if batch:
                    watermark = batch[-1].sequence
        finally:
            await reader.close()

    async def _still_ours(self) -> bool:
        now = time.monotonic()
        if self._held_at and now - self._held_at < self._renew_s:
            return True
        held = await self._lease.hold()
        self._held_at = now if held else 0.0
        return held

    async def _evaluate(self, batch: list[StoredMessage], before: int) -> bool:
        """Evaluate a batch and commit it; tell whether to go on."""
        decisions = []
        for message in batch:
            try:
                event = decode(event_decoder, message.data)
                check_event(event, self.tier)
            except MessageError as error:
                log.warning("tier %s: decision %d is a dead letter: %s", self.tier, message.sequence, error)
                await bury(
                    self._bus,
                    SERVICE,
                    subjects.DECISIONS,
                    subject=message.subject,
                    sequence=message.sequence,
                    data=message.data,
                    reason=str(error),
                )
                continue
            decision_id = str(DecisionId(self.tier, message.sequence, event.nonce))
            decisions.append(Logged(decision_id, message.at_ms, event))
        sums: dict[tuple[str, int], dict[str, float]] = {}
        for shadow in self._shadows:
            results = shadow.evaluate(decisions)
            add_sums(sums, shadow.spec, decisions, results)
            await self._publish(shadow, results)
            self._count(shadow, results)
        committed = await self._store.add(before, batch[-1].sequence, sums, self._keep_s)
        if not committed.applied:
            log.info("tier %s: expected watermark %d, found %d", self.tier, before, committed.watermark)
        return committed.applied

    async def _publish(self, shadow: Shadow, results: list[ShadowDecision]) -> None:
        subject = subjects.shadow(shadow.spec.name, self.tier)
        pending = [await self._bus.requests.send(subject, encode(result), APPEND_TIMEOUT_S) for result in results]
        for future in pending:
            read_ack(await future)

    def _count(self, shadow: Shadow, results: list[ShadowDecision]) -> None:
        name = shadow.spec.name
        errors = sum(result.error is not None for result in results)
        metrics.shadow_evaluated.labels(self.tier, name).inc(len(results) - errors)
        metrics.shadow_agreed.labels(self.tier, name).inc(sum(result.agree for result in results))
        metrics.shadow_errors.labels(self.tier, name).inc(errors)
