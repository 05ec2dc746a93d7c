"""Keeping a replica's memory up to date: at once when told, and every second in case the telling was lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import decode
from pointsman.contracts.messages.errors import MessageError
from pointsman.contracts.messages.notices import arms_decoder
from pointsman.core.bandit import BanditError
from pointsman.learning.tier_store import TierStore
from pointsman.runtime.bus import Bus, Message
from pointsman.runtime.store.errors import StateError
from pointsman.runtime.store.store import Store
from pointsman.runtime.telemetry import metrics, tracing
from pointsman.runtime.telemetry.logs import logger
from pointsman.runtime.telemetry.rate_limited_warning import RateLimitedWarning
from pointsman.runtime.telemetry.tracing import Span
from pointsman_decision.tier import Tier

log = logger("decision.sync")


class StateSync:
    """Reads what the store has learned into the tiers.

    A notice on ``arms.<tier>`` is a hint to look now; a lost one costs a second. Both go through the same read, which
    returns only arms whose version is above the replica's watermark.

    Parameters
    ----------
    bus : Bus
    store : Store
    tiers : mapping of str to Tier
    reconcile_s : float
        How often to look without being told.
    """

    def __init__(self, bus: Bus, store: Store, tiers: Mapping[str, Tier], reconcile_s: float) -> None:
        self._bus = bus
        self._stores = {name: TierStore(store, name) for name in tiers}
        self._tiers = tiers
        self._reconcile_s = reconcile_s
        self._look = {name: asyncio.Event() for name in tiers}
        self._problems: dict[str, str] = dict.fromkeys(tiers, "not loaded yet")
        self._loaded = {name: asyncio.Event() for name in tiers}
        self._told: dict[str, tuple[int, Span | None]] = {}
        self._warning = RateLimitedWarning(log, "what was learned", "deciding from memory")

    @property
    def store_state(self) -> str:
        """``ok``, or what went wrong with the last look at the store."""
        wrong = {problem for problem in self._problems.values() if problem}
        return "; ".join(sorted(wrong)) or "ok"

    async def run(self) -> None:
        """Keep all tiers up to date until cancelled."""
        await self._bus.subscribe(subjects.ANY_ARMS, self._on_notice)
        async with asyncio.TaskGroup() as tasks:
            for name in self._tiers:
                tasks.create_task(self._follow(name), name=f"sync {name}")

    async def loaded(self) -> None:
        """Wait until every tier was read once."""
        for event in self._loaded.values():
            await event.wait()

    async def _follow(self, name: str) -> None:
        while True:
            self._look[name].clear()
            await self._reconcile(name)
            try:
                async with asyncio.timeout(self._reconcile_s):
                    await self._look[name].wait()
            except TimeoutError:
                continue

    async def _reconcile(self, name: str) -> None:
        tier, told = self._tiers[name], self._told.pop(name, None)
        try:
            changes = await self._stores[name].changes(tier.epoch, tier.watermark, tier.generation)
            if not tier.take(changes):
                log.info("tier %s: the store is at %d, behind %d", name, changes.watermark, tier.watermark)
            self._loaded[name].set()
            problem = ""
            _picked_up(tier, told)
        except StateError as error:
            problem = f"store: {error}"
        except BanditError as error:
            problem = f"tier {name}: {error}"
        if problem and told is not None:
            tracing.end(told[1], error=problem)
        if problem:
            self._warning.failed(problem)
        else:
            self._warning.recovered()
        self._problems[name] = problem
        metrics.state_watermark.labels(name).set(tier.watermark)
        age = tier.age_ms()
        if age is not None:
            metrics.state_age_seconds.labels(name).set(age / 1000.0)

    async def _on_notice(self, message: Message) -> None:
        try:
            notice = decode(arms_decoder, message.data)
        except MessageError as error:
            log.warning("notice on %s: %s", message.subject, error)
            return
        tier = self._tiers.get(notice.tier)
        if tier is None:
            return
        span = None if tracing.active is None else tracing.active.followed("pick up", message.subject, message.headers)
        if notice.watermark == tier.watermark and notice.epoch == tier.epoch:
            tier.as_of_ms = max(tier.as_of_ms, notice.as_of_ms)
            tracing.end(span, {"pointsman.watermark": tier.watermark})
        else:
            if notice.tier in self._told:  # that one is picked up with this one
                tracing.end(span, {"pointsman.watermark": notice.watermark})
            else:
                self._told[notice.tier] = notice.committed_at_ms, span
            self._look[notice.tier].set()


def _picked_up(tier: Tier, told: tuple[int, Span | None] | None) -> None:
    """Observe how long after the commit that a notice told of it was picked up."""
    if told is not None:
        committed_at_ms, span = told
        if committed_at_ms:
            metrics.hop_seconds.labels("commit_replica", tier.name).observe(
                max(0.0, time.time() - committed_at_ms / 1000.0)
            )
        tracing.end(span, {"pointsman.watermark": tier.watermark})
