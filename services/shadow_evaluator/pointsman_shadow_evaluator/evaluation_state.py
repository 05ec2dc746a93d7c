"""State that the two readers of a tier share: the shadows, the progress, and recent decisions."""

import asyncio
from collections import OrderedDict

from pointsman.contracts.config import Config, TierConfig
from pointsman.contracts.messages.policies import PolicySpec
from pointsman.runtime.bus import StoredMessage
from pointsman.runtime.telemetry.logs import logger
from pointsman.shadow.evaluation.shadow_policy import ShadowPolicy
from pointsman.shadow.own_learning.own_rule import is_stateful
from pointsman.shadow.periods import DAY_S
from pointsman.shadow.sums.commit import ShadowCommit
from pointsman.shadow.sums.progress import ShadowProgress

log = logger("shadow_evaluator")

MAX_BYTES = 4 * 1024**2


class RecentDecisions:
    """The last messages of a tier's decision log, not decoded, so that a prompt reward need not fetch its decision.

    The oldest messages are removed beyond ``max_bytes`` in total.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._messages: OrderedDict[int, StoredMessage] = OrderedDict()

    def add(self, message: StoredMessage) -> None:
        """Store a message."""
        replaced = self._messages.pop(message.sequence, None)
        self._bytes += len(message.data) - (len(replaced.data) if replaced else 0)
        self._messages[message.sequence] = message
        while self._bytes > self._max_bytes:
            self._bytes -= len(self._messages.popitem(last=False)[1].data)

    def get(self, sequence: int) -> StoredMessage | None:
        """Return a message; None if it is not stored."""
        return self._messages.get(sequence)

    def clear(self) -> None:
        """Remove all messages, because the log may have been replaced."""
        self._messages.clear()
        self._bytes = 0


class EvaluationState:
    """The shadows of a tier, their progress, and the decisions that they were run on recently.

    Attributes
    ----------
    active: Identity of the active policy.
    progress: As of the last commit; read again whenever the evaluation starts.
    moved: Set whenever decisions were committed.
    """

    def __init__(self, config: Config, tier: TierConfig) -> None:
        self.name = tier.name
        self.arms = list(tier.arms or [])
        self.progress = ShadowProgress()
        self.recent = RecentDecisions()
        self.moved = asyncio.Event()
        self.shadows: list[ShadowPolicy] = []
        self._config = config
        self.set_policies(0, config.active(tier), config.shadows(tier))

    def set_policies(self, version: int, active: PolicySpec, specs: list[PolicySpec]) -> None:
        """Run these shadows from the next batch on; one that does not change keeps its version."""
        self.active = active.identity
        previous = {shadow.identity: shadow for shadow in self.shadows if shadow.version}
        shadows = []
        for spec in specs:
            stateful = is_stateful(self._config.reward, spec, active)
            before = previous.get(spec.identity)
            if before is not None and (before.spec, before.stateful) == (spec, stateful):
                shadows.append(before)
                continue
            shadow = ShadowPolicy(spec, before.version if before else version, stateful)
            if shadow.broken:
                log.error("tier %s: shadow %s cannot run: %s", self.name, spec.name, shadow.broken)
            shadows.append(shadow)
        self.shadows = shadows

    def new_commit(self, position: str, expected: int, reached: int) -> ShadowCommit:
        """Return an empty commit that moves the position of a reader, a field of the progress."""
        settings = self._config.shadow_evaluator
        return ShadowCommit(
            position, expected, reached, keep_s=settings.keep_days * DAY_S, keep_picks_s=settings.pick_days * DAY_S
        )
