"""The shadows of one tier that learn by rules of their own: when they begin, and what they knew of each decision."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pointsman.contracts.config import Config
from pointsman.contracts.messages import subjects
from pointsman.core.bandit import Estimates
from pointsman.runtime.bus import Bus
from pointsman.runtime.store.store import Store
from pointsman.shadow.evaluation.decision_group import DecisionGroup
from pointsman.shadow.evaluation.evaluate import ShadowPolicy
from pointsman.shadow.sums.progress import ShadowProgress
from pointsman_shadow_evaluator.own_learning.own_learner import OwnEstimates, OwnLearner, assemble

DAY_S = 86_400

LEARNED_AT_ONCE = 2000
"""Outcomes that a new shadow learns before each batch, until it has caught up and begins."""


class OwnLearners:
    """What the tier's stateful shadows have learned, each for itself.

    Parameters
    ----------
    bus : Bus
    store : Store
    tier : str
    config : Config
    """

    def __init__(self, bus: Bus, store: Store, tier: str, config: Config) -> None:
        self._bus = bus
        self._store = store
        self._tier = tier
        self._config = config
        self._learning: dict[str, OwnLearner] = {}

    async def ready(self, shadows: Sequence[ShadowPolicy], progress: ShadowProgress) -> list[ShadowPolicy] | None:
        """Return the shadows to run on the next batch; None when another evaluator is at work, too.

        A shadow that learns for itself begins when it has learned all that the active policy knew.
        """
        wanted = {shadow.identity for shadow in shadows if shadow.stateful}
        for identity in self._learning.keys() - wanted:
            await self._learning.pop(identity).close()
        ready = []
        for shadow in shadows:
            if not shadow.stateful:
                ready.append(shadow)
                continue
            own = self._learning.get(shadow.identity)
            if own is None:
                own = await self._load(shadow, progress.outcomes)
            runs = progress.runs.get(shadow.identity, [])
            # One that has begun is never left out; the gap to where it was is at most a batch.
            begun = bool(runs) and runs[-1].through is None and runs[-1].stateful
            reached = await own.advance(progress.outcomes, None if begun else LEARNED_AT_ONCE)
            if not await own.commit():
                return None
            if reached:
                ready.append(shadow)
        return ready

    async def estimates(
        self, shadow: ShadowPolicy, groups: Sequence[DecisionGroup], known: NDArray[np.int64]
    ) -> list[Estimates]:
        """Return what a shadow knew of each group: the logged estimates, or those of its own A and b at that moment.

        Parameters
        ----------
        known : ndarray, shape (B,)
            For each decision of the batch the last outcome that may be in it; never falling.
        """
        if not shadow.stateful:
            return [group.estimates for group in groups]
        own = self._learning[shadow.identity]
        parts: list[list[OwnEstimates]] = [[] for _ in groups]
        begins = np.flatnonzero(np.diff(known, prepend=-1)).tolist()
        for begin, end in zip(begins, [*begins[1:], len(known)], strict=True):
            await own.advance(int(known[begin]))
            for part, group in zip(parts, groups, strict=True):
                first, last = np.searchsorted(group.places, [begin, end]).tolist()
                if first < last:
                    part.append(own.estimates(group, slice(first, last)))
        return [assemble(group, part) for group, part in zip(groups, parts, strict=True)]

    async def commit(self, shadows: Sequence[ShadowPolicy]) -> bool:
        """Store what these have learned, now that the decisions are committed; tell whether nobody else has."""
        return all([await self._learning[shadow.identity].commit() for shadow in shadows if shadow.stateful])

    async def close(self) -> None:
        """Forget what is not stored."""
        for own in self._learning.values():
            await own.close()
        self._learning.clear()

    async def _load(self, shadow: ShadowPolicy, through: int) -> OwnLearner:
        settings = self._config.shadow_evaluator
        own = OwnLearner(
            self._bus,
            self._store,
            self._tier,
            shadow.identity,
            shadow.spec.reward_rule(self._config.reward),
            max_batch=settings.max_batch,
            keep_s=settings.keep_days * DAY_S,
        )
        self._learning[shadow.identity] = own
        await own.load(through, await self._bus.info(subjects.OUTCOMES))
        return own
