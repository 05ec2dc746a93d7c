"""What a shadow policy with its own reward rule has learned, in the store: one hash per policy and tier.

It is a pure function of the outcome log and the rule. If it is lost, the policy learns it again from the log.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from pointsman.core.bandit import Arm, ArmState
from pointsman.learning.tier_store import ARM_FIELDS, decode_arm, decode_ranges, encode_arm, encode_ranges
from pointsman.runtime.store import keys
from pointsman.runtime.store.errors import StoreCorrupt, store_errors
from pointsman.runtime.store.store import Script, Store
from pointsman.shadow.sums.commit import ShadowCommitted

COMMIT_LEARNED = Script("pointsman.shadow.own_learning", "commit_learned")

_TAB = "\t"  # separates the parts of a field; names of arms contain printable characters only
_HEAD = ("origin", "watermark", "watermark_at_ms", "ranges", "arms")


@dataclass(slots=True)
class LearnedState:
    """What was learned up to a watermark.

    Attributes
    ----------
    origin: The log and the rule that it was learned from. A state of another origin is useless.
    watermark: Sequence of the last outcome that was applied; 0 before the first.
    watermark_at_ms: When the log stored that outcome.
    ranges: State of the running ranges of the reward.
    arms: All arms when read; the changed ones when written.
    applied: The applied bits that changed; empty when read. By chunk.
    """

    origin: str = ""
    watermark: int = 0
    watermark_at_ms: int = 0
    ranges: dict[str, list[float]] = field(default_factory=dict)
    arms: dict[Arm, ArmState] = field(default_factory=dict)
    applied: dict[int, bytes] = field(default_factory=dict)


class LearnedStore:
    """What one shadow policy has learned in one tier."""

    def __init__(self, store: Store, tier: str, identity: str) -> None:
        self._store = store
        self._key = keys.shadow_learned(tier, identity)

    async def load(self) -> LearnedState:
        """Read everything except the applied bits. Raise `StoreCorrupt` if the stored data cannot be parsed."""
        origin, watermark, at_ms, ranges, arms = await self._fields(_HEAD)
        names = msgspec.json.decode(arms or b"[]", type=list[str])
        values = await self._fields([f"{part}{_TAB}{name}" for name in names for part in ARM_FIELDS])
        size = len(ARM_FIELDS)
        try:
            return LearnedState(
                (origin or b"").decode(),
                int(watermark or 0),
                int(at_ms or 0),
                decode_ranges(ranges),
                {Arm.parse(name): decode_arm(values[at * size : (at + 1) * size]) for at, name in enumerate(names)},
            )
        except (ValueError, TypeError, msgspec.MsgspecError) as error:
            raise StoreCorrupt(f"{self._key}: {error}") from error

    async def applied_chunk(self, chunk: int) -> bytes:
        """Return a chunk of the applied bits, without zero bytes at its end."""
        return (await self._fields([_chunk_field(chunk)]))[0] or b""

    async def commit(
        self, expected: int, learned: LearnedState, all_arms: Iterable[Arm], keep_s: int
    ) -> ShadowCommitted:
        """Store what changed if the stored watermark is the expected one; change nothing otherwise.

        An expected watermark of 0 also replaces a state of another origin. ``all_arms`` is every arm that has learned,
        changed or not. The state is kept for ``keep_s`` after its last change.
        """
        args: list[Any] = [learned.origin, expected, learned.watermark, keep_s]
        args += ["watermark_at_ms", learned.watermark_at_ms, "ranges", encode_ranges(learned.ranges)]
        args += ["arms", msgspec.json.encode([str(arm) for arm in all_arms])]
        for arm, state in learned.arms.items():
            for part, value in encode_arm(state).items():
                args += [f"{part}{_TAB}{arm}", value]
        for number, bits in learned.applied.items():
            args += [_chunk_field(number), bits]
        applied, watermark = await self._store.run(COMMIT_LEARNED, [self._key], args)
        return ShadowCommitted(bool(applied), int(watermark))

    async def _fields(self, names: Iterable[str]) -> list[bytes | None]:
        wanted = list(names)
        if not wanted:
            return []
        with store_errors():
            values = await self._store.redis.hmget(self._key, wanted)
        return [None if value is None else bytes(value) for value in values]  # type: ignore[arg-type]  # never str: responses are not decoded


def _chunk_field(number: int) -> str:
    return f"applied{_TAB}{number}"
