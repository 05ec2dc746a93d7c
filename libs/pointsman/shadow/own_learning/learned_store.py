"""What a shadow policy with a rule of its own has learned, in Redis: one hash for each policy and tier.

It is a pure function of the outcome log and the rule, so it may be lost at any time: it is then learned anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from pointsman.core.bandit import Arm, ArmState
from pointsman.learning.tier_store import ARM_FIELDS, decode_arm, decode_ranges, encode_arm, encode_ranges
from pointsman.runtime.store import keys
from pointsman.runtime.store.errors import StoreCorrupt, store_errors
from pointsman.runtime.store.script import Script
from pointsman.runtime.store.store import Store
from pointsman.shadow.sums.store import ShadowCommitted

COMMIT_LEARNED = Script("pointsman.shadow.own_learning", "commit_learned")

_TAB = "\t"  # in no arm's name: those are printable
_HEAD = ("origin", "watermark", "watermark_at_ms", "ranges", "arms")


@dataclass(slots=True)
class LearnedState:
    """What was learned up to a watermark.

    Attributes
    ----------
    origin : str
        Which log it was learned from, by which rule. Of another origin nothing can be used.
    watermark : int
        Last outcome sequence taken in; 0 before the first.
    watermark_at_ms : int
        When the log accepted that outcome.
    ranges : dict
        State of the reward's running ranges.
    arms : dict of Arm to ArmState
        All arms when read; those that changed when written.
    applied : dict of chunk to bytes
        The applied bits that changed; empty when read.
    """

    origin: str = ""
    watermark: int = 0
    watermark_at_ms: int = 0
    ranges: dict[str, list[float]] = field(default_factory=dict)
    arms: dict[Arm, ArmState] = field(default_factory=dict)
    applied: dict[int, bytes] = field(default_factory=dict)


class LearnedStore:
    """What one shadow policy has learned in one tier.

    Parameters
    ----------
    store : Store
    tier, identity : str
    """

    def __init__(self, store: Store, tier: str, identity: str) -> None:
        self._store = store
        self._key = keys.shadow_learned(tier, identity)

    async def load(self) -> LearnedState:
        """Read everything but the applied bits.

        Raises
        ------
        StoreCorrupt
            When it cannot be read.
        """
        head = await self._fields(_HEAD)
        names = msgspec.json.decode(head[4] or b"[]", type=list[str])
        values = await self._fields([f"{part}{_TAB}{name}" for name in names for part in ARM_FIELDS])
        try:
            arms = {
                Arm.parse(name): decode_arm(values[at * len(ARM_FIELDS) : (at + 1) * len(ARM_FIELDS)])
                for at, name in enumerate(names)
            }
            ranges = decode_ranges(head[3])
        except (ValueError, TypeError, msgspec.MsgspecError) as error:
            raise StoreCorrupt(f"{self._key}: {error}") from error
        return LearnedState((head[0] or b"").decode(), int(head[1] or 0), int(head[2] or 0), ranges, arms)

    async def applied_chunk(self, chunk: int) -> bytes:
        """Return a chunk of the applied bits; shorter where its end is zero."""
        return (await self._fields([_chunk(chunk)]))[0] or b""

    async def commit(
        self, expected: int, learned: LearnedState, all_arms: Iterable[Arm], keep_s: int
    ) -> ShadowCommitted:
        """Store what changed since the expected watermark, if the store is there; change nothing otherwise.

        Parameters
        ----------
        expected : int
            0 also begins from nothing where what is stored has another origin.
        learned : LearnedState
        all_arms : iterable of Arm
            Those that anything was learned about, changed or not.
        keep_s : int
            How long it is kept after its last change.
        """
        args: list[Any] = [learned.origin, expected, learned.watermark, keep_s]
        args += ["watermark_at_ms", learned.watermark_at_ms, "ranges", encode_ranges(learned.ranges)]
        args += ["arms", msgspec.json.encode([str(arm) for arm in all_arms])]
        for arm, state in learned.arms.items():
            for part, value in encode_arm(state).items():
                args += [f"{part}{_TAB}{arm}", value]
        for number, bits in learned.applied.items():
            args += [_chunk(number), bits]
        applied, now = await self._store.run(COMMIT_LEARNED, [self._key], args)
        return ShadowCommitted(bool(applied), int(now))

    async def _fields(self, names: Iterable[str]) -> list[bytes | None]:
        wanted = list(names)
        if not wanted:
            return []
        with store_errors():
            values = await self._store.redis.hmget(self._key, wanted)
        return [None if value is None else bytes(value) for value in values]  # type: ignore[arg-type]  # never str: responses are not decoded


def _chunk(number: int) -> str:
    return f"applied{_TAB}{number}"
