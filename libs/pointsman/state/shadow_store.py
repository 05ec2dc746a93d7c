"""The shadow report's sums in Redis: by tier, policy and hour, added to in atomic commits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from redis.exceptions import RedisError

from pointsman.state import keys
from pointsman.state.errors import StoreUnavailable
from pointsman.state.store import Store

HOUR_MS = 3_600_000

DECISIONS = "decisions"
AGREED = "agreed"
ERRORS = "errors"
_TAB = "\t"  # in no arm's name: those are printable


class ShadowCommitted(NamedTuple):
    """Whether a commit was added, and where the evaluation stands now."""

    applied: bool
    watermark: int


def active_mass(arm: str) -> str:
    """Field: sum of the probabilities that the active policy gave an arm (``provider:model``)."""
    return f"active{_TAB}{arm}"


def shadow_mass(arm: str) -> str:
    """Field: sum of the probabilities that the shadow policy gave an arm."""
    return f"shadow{_TAB}{arm}"


def pair(active: str, shadow: str) -> str:
    """Field: how often one arm was served where the shadow drew another."""
    return f"pair{_TAB}{active}{_TAB}{shadow}"


def split_field(name: str) -> list[str]:
    """Take a field's name apart again."""
    return name.split(_TAB)


class ShadowStore:
    """Progress and sums of one tier.

    Parameters
    ----------
    store : Store
    tier : str
    """

    def __init__(self, store: Store, tier: str) -> None:
        self._store = store
        self.tier = tier

    async def watermark(self) -> int:
        """Return the sequence of the last decision that was evaluated; 0 before the first."""
        try:
            value = await self._store.redis.hget(keys.shadow_progress(self.tier), "watermark")
        except (RedisError, OSError, TimeoutError) as error:
            raise StoreUnavailable(str(error) or type(error).__name__) from error
        return int(value or 0)

    async def add(
        self,
        expected_watermark: int,
        watermark: int,
        sums: Mapping[tuple[str, int], Mapping[str, float]],
        keep_s: int,
    ) -> ShadowCommitted:
        """Add to the sums if the evaluation is where the batch was computed from; change nothing otherwise.

        Parameters
        ----------
        sums : mapping of (policy identity, hour) to increments by field
        keep_s : int
            How long an hour is kept after its last change.
        """
        names = [keys.shadow_progress(self.tier)]
        args: list[object] = [expected_watermark, watermark, keep_s]
        for (policy, hour), fields in sums.items():
            names.append(keys.shadow_hour(self.tier, policy, hour))
            args.append(len(fields))
            for name, value in fields.items():
                args += [name, repr(float(value))]
        applied, now = await self._store.run("commit_shadow", names, args)
        return ShadowCommitted(bool(applied), int(now))

    async def read(self, policy: str, hours: range) -> list[tuple[int, dict[str, float]]]:
        """Return a policy's sums of every hour of the range that has any, in order of time."""
        found = []
        try:
            async with self._store.redis.pipeline(transaction=False) as pipe:
                for hour in hours:
                    pipe.hgetall(keys.shadow_hour(self.tier, policy, hour))
                for hour, fields in zip(hours, await pipe.execute(), strict=True):
                    if fields:
                        found.append((hour, {name.decode(): float(value) for name, value in fields.items()}))
        except (RedisError, OSError, TimeoutError) as error:
            raise StoreUnavailable(str(error) or type(error).__name__) from error
        return found
