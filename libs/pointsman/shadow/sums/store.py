"""Shadow evaluation of a tier in the store: progress, sums, picks, and the last state of its alerts."""

from collections.abc import Sequence

from pointsman.core.off_policy.statistics import LENGTH
from pointsman.runtime.store import keys
from pointsman.runtime.store.errors import store_errors
from pointsman.runtime.store.store import Script, Store
from pointsman.shadow.periods import DAY_S, HOURS_PER_DAY
from pointsman.shadow.sums.commit import COMMIT_SHADOW, ShadowCommit, ShadowCommitted
from pointsman.shadow.sums.hour_sums import FLOAT, HourSums, add_up
from pointsman.shadow.sums.progress import DAYS_FROM, WATERMARK, ShadowProgress

SUM_SHADOW = Script("pointsman.shadow.sums", "sum_shadow", read_only=True)

READ_HOURS = 48
"""Hours that are read at once."""
SUMMED_AT_ONCE = 24
"""Hours that the store adds up per call: 1 ms with three arms, about 30 ms with fifty, during which it blocks."""


class ShadowStore:
    """Shadow evaluation of one tier; every method raises `StoreUnavailable` when the store does not respond."""

    def __init__(self, store: Store, tier: str) -> None:
        self._store = store
        self.tier = tier

    async def progress(self) -> ShadowProgress:
        """Return the progress of the evaluation."""
        with store_errors():
            fields = await self._store.redis.hgetall(keys.shadow_progress(self.tier))
        return ShadowProgress.from_fields({_text(name): _text(value) for name, value in fields.items()})

    async def watermark(self) -> int:
        """Return the sequence of the last decision that was evaluated; 0 before the first."""
        with store_errors():
            value = await self._store.redis.hget(keys.shadow_progress(self.tier), WATERMARK)
        return int(value or 0)

    async def commit(self, commit: ShadowCommit) -> ShadowCommitted:
        """Commit a batch if its reader is at the expected position; change nothing otherwise.

        After a `StoreUnavailable` the batch may or may not be committed: read the progress to know.
        """
        names, argument = commit.script_arguments(self.tier)
        applied, position = await self._store.run(COMMIT_SHADOW, names, [argument])
        return ShadowCommitted(bool(applied), int(position))

    async def read(self, identity: str, hours: range) -> list[tuple[int, HourSums]]:
        """Return a policy's sums of every hour of the range that has any, in order of time.

        They are read in parts, and the event loop runs other tasks between them: decisions must not wait for a report.
        The identity is a `comparison_identity`, or one of `activity`; hours count from the Unix epoch.
        """
        return await self._hashes(hours, [keys.shadow_hour(self.tier, identity, hour) for hour in hours])

    async def totals(self, identity: str, hours: range, every: int | None = None) -> list[HourSums]:
        """Return the sums that `read` returns, added up by the store: ``every`` hours per element, or all in one.

        The last element may be of fewer hours.
        """
        if not hours:
            return []
        each = every or len(hours)
        if each <= SUMMED_AT_ONCE:
            return await self._summed(identity, hours, each)
        groups = [hours[at : at + each] for at in range(0, len(hours), each)]
        return [add_up(await self._summed(identity, group, SUMMED_AT_ONCE)) for group in groups]

    async def by_day(self, identity: str, hours: range) -> list[tuple[int, HourSums]]:
        """Return a policy's sums of the range by day (UTC), each with its first hour, in order of time.

        The store holds the sums of whole days. Days that are partly in the range, and those that a version without sums
        by day has evaluated in part, are added up from their hours.
        """
        first_whole, end = -(-hours.start // HOURS_PER_DAY), hours.stop // HOURS_PER_DAY
        complete_from = min(max(await self.days_from(), first_whole), max(end, first_whole))
        incomplete, whole = range(first_whole, complete_from), range(complete_from, end)
        midnight = min(first_whole * HOURS_PER_DAY, hours.stop)
        before = range(hours.start, midnight)
        after = range(max(midnight, end * HOURS_PER_DAY), hours.stop)
        found = [(part.start, sums) for part in (before, after) for sums in await self.totals(identity, part)]
        of_hours = range(incomplete.start * HOURS_PER_DAY, incomplete.stop * HOURS_PER_DAY)
        days = await self.totals(identity, of_hours, HOURS_PER_DAY)
        found += [(day * HOURS_PER_DAY, sums) for day, sums in zip(incomplete, days, strict=True)]
        names = [keys.shadow_day(self.tier, identity, day) for day in whole]
        found += [(day * HOURS_PER_DAY, sums) for day, sums in await self._hashes(whole, names)]
        return sorted(((start, sums) for start, sums in found if sums.counts or sums.rewarded), key=lambda one: one[0])

    async def begin_days(self, progress: ShadowProgress, now_s: float) -> None:
        """Store from which day on the sums by day are complete, unless it is stored; ``progress`` is the current one.

        A tier that was evaluated before this was stored may have sums of an older version, which knew no days: they are
        complete from tomorrow on.
        """
        if progress.days_from is None:
            progress.days_from = 0 if progress.is_new else int(now_s // DAY_S) + 1
            with store_errors():
                await self._store.redis.hset(keys.shadow_progress(self.tier), DAYS_FROM, str(progress.days_from))

    async def days_from(self) -> int:
        """Return the first day whose sums contain all of its hours, and from which on there are sums by 5 minutes."""
        with store_errors():
            return int(await self._store.redis.hget(keys.shadow_progress(self.tier), DAYS_FROM) or 0)

    async def total(self, identity: str, hours: range) -> HourSums:
        """Return the sums of a policy over a range of hours."""
        return add_up(sums for _, sums in await self.by_day(identity, hours))

    async def picks(self, wanted: Sequence[tuple[str, int]]) -> list[bytes | None]:
        """Return the stored picks for (policy identity, decision sequence); None for each that does not exist."""
        if not wanted:
            return []
        with store_errors():
            async with self._store.redis.pipeline(transaction=False) as pipe:
                for identity, sequence in wanted:
                    name = keys.shadow_picks(self.tier, identity, keys.pick_chunk(sequence))
                    pipe.hget(name, keys.pick_field(sequence))
                return [None if value is None else bytes(value) for value in await pipe.execute()]

    async def alert_state(self, kind: str) -> str:
        """Return the state that the last alert of a kind was about; empty if there was none.

        It outlives the alert, which its stream drops after a while.
        """
        with store_errors():
            state = await self._store.redis.hget(keys.shadow_alerts(self.tier), kind)
        return _text(state) if state else ""

    async def set_alert_state(self, kind: str, state: str) -> None:
        """Store the state that the last alert of a kind was about."""
        with store_errors():
            await self._store.redis.hset(keys.shadow_alerts(self.tier), kind, state)

    async def _hashes(self, units: range, names: Sequence[str]) -> list[tuple[int, HourSums]]:
        """Return the sums that exist, by their hour or day."""
        found = []
        with store_errors():
            for at in range(0, len(units), READ_HOURS):
                async with self._store.redis.pipeline(transaction=False) as pipe:
                    for name in names[at : at + READ_HOURS]:
                        pipe.hgetall(name)
                    for unit, fields in zip(units[at : at + READ_HOURS], await pipe.execute(), strict=True):
                        if fields:
                            found.append((unit, HourSums.from_fields(fields)))
        return found

    async def _summed(self, identity: str, hours: range, each: int) -> list[HourSums]:
        """Let the store add up ``each`` hours, at most `SUMMED_AT_ONCE`, per element."""
        found: list[HourSums] = []
        at_once = SUMMED_AT_ONCE // each * each
        for part in (hours[at : at + at_once] for at in range(0, len(hours), at_once)):
            names = [keys.shadow_hour(self.tier, identity, hour) for hour in part]
            replies = await self._store.run(SUM_SHADOW, names, [each, LENGTH * FLOAT.itemsize])
            found += [HourSums.from_fields(dict(zip(fields[::2], fields[1::2], strict=True))) for fields in replies]
        return found


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode()
