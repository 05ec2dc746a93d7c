"""What the two readers of a tier, of decisions and of rewards, share while one evaluator follows it."""

from __future__ import annotations

import asyncio

from pointsman.contracts.config import Config, TierConfig
from pointsman.contracts.messages.policies import PolicySpec
from pointsman.runtime.telemetry.logs import logger
from pointsman.shadow.evaluation.evaluate import ShadowPolicy
from pointsman.shadow.own_learning.own_rule import is_stateful
from pointsman.shadow.sums.progress import ShadowProgress
from pointsman.shadow.sums.store import ShadowCommit
from pointsman_shadow_evaluator.recent_decisions import RecentDecisions

log = logger("shadow_evaluator")

DAY_S = 86_400


class EvaluationState:
    """A tier's shadows, how far they are, and the decisions they were run on lately.

    Parameters
    ----------
    config : Config
    tier : TierConfig

    Attributes
    ----------
    progress : ShadowProgress
        As it was last committed; read anew whenever following begins.
    moved : asyncio.Event
        Set whenever decisions were committed.
    """

    def __init__(self, config: Config, tier: TierConfig) -> None:
        self.name = tier.name
        self.arms = list(tier.arms)
        self.progress = ShadowProgress()
        self.recent = RecentDecisions()
        self.moved = asyncio.Event()
        self.shadows: list[ShadowPolicy] = []
        self._config = config
        self.set_policies(0, config.active(tier), config.shadows(tier))

    def set_policies(self, version: int, active: PolicySpec, specs: list[PolicySpec]) -> None:
        """Run these shadows from the next batch on; one that stays the same keeps its version."""
        reward = self._config.reward
        self.active = active.identity
        kept = {shadow.identity: shadow for shadow in self.shadows if shadow.version}
        shadows = []
        for spec in specs:
            stateful = is_stateful(reward, spec, active)
            before = kept.get(spec.identity)
            if before is not None and (before.spec, before.stateful) == (spec, stateful):
                shadows.append(before)
                continue
            shadow = ShadowPolicy(spec, before.version if before else version, stateful)
            if shadow.broken:
                log.error("tier %s: shadow %s cannot run: %s", self.name, spec.name, shadow.broken)
            shadows.append(shadow)
        self.shadows = shadows

    def commit(self, position: str, expected: int, reached: int) -> ShadowCommit:
        """Begin a commit that moves a reader on, by the field of the progress that says how far it is."""
        settings = self._config.shadow_evaluator
        return ShadowCommit(
            position, expected, reached, keep_s=settings.keep_days * DAY_S, keep_picks_s=settings.pick_days * DAY_S
        )
