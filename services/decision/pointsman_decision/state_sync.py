"""Synchronization of a replica's memory with the store: after each notice, and once a second in case one was lost."""

import asyncio
import time
from collections.abc import Mapping
from typing import NamedTuple

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


class _Notice(NamedTuple):
    """The first notice since the last read of a tier."""

    committed_at_ms: int
    span: Span | None


class StateSync:
    """Read the learned state from the store into the tiers.

    A notice on ``arms.<tier>`` only triggers a read; a lost one delays it by a second. Each read returns the arms whose
    version is above the replica's watermark.

    ``reconcile_s``: interval of the reads without a notice.
    """

    def __init__(self, bus: Bus, store: Store, tiers: Mapping[str, Tier], reconcile_s: float) -> None:
        self._bus = bus
        self._stores = {name: TierStore(store, name) for name in tiers}
        self._tiers = tiers
        self._reconcile_s = reconcile_s
        self._wake = {name: asyncio.Event() for name in tiers}
        self._problems: dict[str, str] = dict.fromkeys(tiers, "not loaded yet")
        self._loaded = {name: asyncio.Event() for name in tiers}
        self._notices: dict[str, _Notice] = {}
        self._warning = RateLimitedWarning(log, "learned state", "deciding from memory")

    @property
    def store_state(self) -> str:
        """``ok``, or the problem of the last read."""
        problems = {problem for problem in self._problems.values() if problem}
        return "; ".join(sorted(problems)) or "ok"

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
            self._wake[name].clear()
            await self._reconcile(name)
            try:
                async with asyncio.timeout(self._reconcile_s):
                    await self._wake[name].wait()
            except TimeoutError:
                continue

    async def _reconcile(self, name: str) -> None:
        tier, notice = self._tiers[name], self._notices.pop(name, None)
        problem = ""
        try:
            changes = await self._stores[name].changes(tier.epoch, tier.watermark, tier.generation)
            if not tier.apply_update(changes):
                log.info("tier %s: the store is at %d, behind %d", name, changes.watermark, tier.watermark)
            self._loaded[name].set()
        except StateError as error:
            problem = f"store: {error}"
        except BanditError as error:
            problem = f"tier {name}: {error}"
        if problem:
            self._warning.failed(problem)
        else:
            self._warning.recovered()
        if notice is not None:
            _end_notice(tier, notice, problem)
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
        span = tracing.follow("pick up", message.subject, message.headers)
        if notice.watermark == tier.watermark and notice.epoch == tier.epoch:
            tier.as_of_ms = max(tier.as_of_ms, notice.as_of_ms)
            tracing.end(span, {"pointsman.watermark": tier.watermark})
        else:
            if notice.tier in self._notices:  # the next read includes both
                tracing.end(span, {"pointsman.watermark": notice.watermark})
            else:
                self._notices[notice.tier] = _Notice(notice.committed_at_ms, span)
            self._wake[notice.tier].set()


def _end_notice(tier: Tier, notice: _Notice, problem: str) -> None:
    """End a notice's span; observe the time from the commit to the read, unless the read failed."""
    if problem:
        tracing.end(notice.span, error=problem)
        return
    if notice.committed_at_ms:
        delay_s = max(0.0, time.time() - notice.committed_at_ms / 1000.0)
        metrics.hop_seconds.labels("commit_replica", tier.name).observe(delay_s)
    tracing.end(notice.span, {"pointsman.watermark": tier.watermark})
