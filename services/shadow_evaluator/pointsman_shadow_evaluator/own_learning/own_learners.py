"""The shadows of one tier that learn by their own reward rules: when they start, and their estimates per decision."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pointsman.contracts.config import Config
from pointsman.contracts.messages import subjects
from pointsman.core.bandit import Estimates
from pointsman.runtime.bus import Bus
from pointsman.runtime.store.store import Store
from pointsman.shadow.evaluation.decision_group import DecisionGroup
from pointsman.shadow.evaluation.shadow_policy import ShadowPolicy
from pointsman.shadow.periods import DAY_S
from pointsman.shadow.sums.progress import ShadowProgress
from pointsman_shadow_evaluator.own_learning.own_learner import LEARNED, OwnLearner

LEARNED_AT_ONCE = 2000
"""Outcomes that a new shadow learns before each batch, until it has caught up and starts."""


class OwnLearners:
    """An `OwnLearner` for each stateful shadow of a tier."""

    def __init__(self, bus: Bus, store: Store, tier: str, config: Config) -> None:
        self._bus = bus
        self._store = store
        self._tier = tier
        self._config = config
        self._learners: dict[str, OwnLearner] = {}

    async def ready(self, shadows: Sequence[ShadowPolicy], progress: ShadowProgress) -> list[ShadowPolicy] | None:
        """Return the shadows to run on the next batch; None if another process commits too.

        A stateful shadow starts when it has learned all outcomes that the active policy knew.
        """
        wanted = {shadow.identity for shadow in shadows if shadow.stateful}
        for identity in self._learners.keys() - wanted:
            await self._learners.pop(identity).close()
        ready = []
        for shadow in shadows:
            if not shadow.stateful:
                ready.append(shadow)
                continue
            learner = self._learners.get(shadow.identity)
            if learner is None:
                learner = await self._load(shadow, progress.outcomes)
            runs = progress.runs.get(shadow.identity, [])
            # A shadow that has started is never left out: it lags behind by at most a batch.
            started = bool(runs) and runs[-1].through is None and runs[-1].stateful
            reached = await learner.advance(progress.outcomes, None if started else LEARNED_AT_ONCE)
            if not await learner.commit():
                return None
            if reached:
                ready.append(shadow)
        return ready

    async def estimates(
        self, shadow: ShadowPolicy, groups: Sequence[DecisionGroup], known: NDArray[np.int64]
    ) -> list[Estimates]:
        """Return a shadow's estimates for each group: the logged ones, or those of its own A and b at each decision.

        Parameters
        ----------
        known : ndarray, shape (B,)
            For each decision of the batch, the last outcome that may be in its estimates; non-decreasing.
        """
        given = [group.estimates for group in groups]
        if not shadow.stateful:
            return given
        learner = self._learners[shadow.identity]
        filled = [logged._replace(**{of: np.empty_like(getattr(logged, of)) for of in LEARNED}) for logged in given]
        begins = np.flatnonzero(np.diff(known, prepend=-1)).tolist()
        for begin, end in zip(begins, [*begins[1:], len(known)], strict=True):
            await learner.advance(int(known[begin]))
            for estimates, group in zip(filled, groups, strict=True):
                first, last = np.searchsorted(group.places, [begin, end]).tolist()
                if first < last:
                    learner.fill(estimates, group, slice(first, last))
        return filled

    async def commit(self, shadows: Sequence[ShadowPolicy]) -> bool:
        """Store what these shadows have learned, after the commit of the decisions; return False on a conflict."""
        return all([await self._learners[shadow.identity].commit() for shadow in shadows if shadow.stateful])

    async def close(self) -> None:
        """Discard what is not stored."""
        for learner in self._learners.values():
            await learner.close()
        self._learners.clear()

    async def _load(self, shadow: ShadowPolicy, through: int) -> OwnLearner:
        settings = self._config.shadow_evaluator
        learner = OwnLearner(
            self._bus,
            self._store,
            self._tier,
            shadow.identity,
            shadow.spec.reward_rule(self._config.reward),
            max_batch=settings.max_batch,
            keep_s=settings.keep_days * DAY_S,
        )
        self._learners[shadow.identity] = learner
        await learner.load(through, await self._bus.info(subjects.OUTCOMES))
        return learner
