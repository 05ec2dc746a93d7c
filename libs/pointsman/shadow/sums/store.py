"""Shadow evaluation in Redis: how far it is, the report's sums by hour, and picks that await their reward."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import Any, NamedTuple

from pointsman.core.off_policy.statistics import LENGTH
from pointsman.runtime.store import keys
from pointsman.runtime.store.errors import store_errors
from pointsman.runtime.store.script import Script
from pointsman.runtime.store.store import Store
from pointsman.shadow.sums.activity import SHORT, is_activity
from pointsman.shadow.sums.hour_sums import (
    FLOAT,
    HourSums,
)
from pointsman.shadow.sums.progress import WATERMARK, ShadowProgress

SUM_SHADOW = Script("pointsman.shadow.sums", "sum_shadow", read_only=True)

COMMIT_SHADOW = Script("pointsman.shadow.sums", "commit_shadow")

DAY_S = 86_400
HOURS_A_DAY = 24
READ_HOURS = 48
"""Hours that are read at once."""
SUMMED_AT_ONCE = 24
"""Hours that the store adds up in one go: 1 ms with three arms, some 30 ms with fifty. It serves nobody meanwhile."""


class ShadowCommitted(NamedTuple):
    """Whether a commit was made, and where its reader stands now."""

    applied: bool
    watermark: int


@dataclass(slots=True)
class ShadowCommit:
    """Everything that a batch of decisions, or of rewards, changes.

    Attributes
    ----------
    position : str
        The field of the progress that says how far this reader is, as in `pointsman.shadow.sums.progress`.
    expected, reached : int
        Its value before and after.
    progress : dict of str to str
        Further fields of the progress; an empty text takes one away.
    hours : dict of (identity, hour) to HourSums
        What to add; the identity is what `comparison_identity` returns, or one of `activity`. The sums of a
        policy are added to their day as well.
    picks : dict of (policy identity, decision sequence) to bytes
        Distributions to keep until the reward comes.
    used : list of (policy identity, decision sequence)
        Picks whose reward has come.
    dropped : list of (policy identity, chunk)
        Picks that are kept no longer.
    keep_s, keep_picks_s : int
        How long an hour and its day, and picks, are kept after their last change; `activity.SHORT` has its own.
    """

    position: str
    expected: int
    reached: int
    progress: dict[str, str] = field(default_factory=dict)
    hours: dict[tuple[str, int], HourSums] = field(default_factory=dict)
    picks: dict[tuple[str, int], bytes] = field(default_factory=dict)
    used: Sequence[tuple[str, int]] = ()
    dropped: Sequence[tuple[str, int]] = ()
    keep_s: int = 90 * DAY_S
    keep_picks_s: int = 30 * DAY_S


class ShadowStore:
    """Shadow evaluation of one tier.

    Parameters
    ----------
    store : Store
    tier : str
    """

    def __init__(self, store: Store, tier: str) -> None:
        self._store = store
        self.tier = tier

    async def progress(self) -> ShadowProgress:
        """Return how far the evaluation is."""
        with store_errors():
            fields = await self._store.redis.hgetall(keys.shadow_progress(self.tier))
        return ShadowProgress.from_fields({_text(name): _text(value) for name, value in fields.items()})

    async def watermark(self) -> int:
        """Return the sequence of the last decision that was evaluated; 0 before the first."""
        with store_errors():
            value = await self._store.redis.hget(keys.shadow_progress(self.tier), WATERMARK)
        return int(value or 0)

    async def commit(self, commit: ShadowCommit) -> ShadowCommitted:
        """Commit a batch if its reader is where the batch was computed from; change nothing otherwise.

        Raises
        ------
        StoreUnavailable
            When there was no answer. The batch may or may not be committed: read the progress to know.
        """
        names, args = _commit_arguments(self.tier, commit)
        applied, now = await self._store.run(COMMIT_SHADOW, names, args)
        return ShadowCommitted(bool(applied), int(now))

    async def read(self, identity: str, hours: range) -> list[tuple[int, HourSums]]:
        """Return a policy's sums of every hour of the range that has any, in order of time.

        They come in parts, with a turn for whatever else the process has to do after each: decisions must not wait for
        a report.

        Parameters
        ----------
        identity : str
            What `comparison_identity` returns.
        hours : range
            Hours since the Unix epoch.
        """
        return await self._hashes(hours, [keys.shadow_hour(self.tier, identity, hour) for hour in hours])

    async def _hashes(self, units: range, names: Sequence[str]) -> list[tuple[int, HourSums]]:
        """Read sums that are there, by their hour or day, in parts."""
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

    async def totals(self, identity: str, hours: range, every: int | None = None) -> list[HourSums]:
        """Return a policy's sums of a range of hours, added up by the store itself.

        Parameters
        ----------
        identity : str
            What `comparison_identity` returns, or one of `pointsman.shadow.sums.activity`.
        hours : range
        every : int, optional
            How many hours each answer is of, the last one perhaps fewer; all of them when left out.
        """
        if not hours:
            return []
        each = every or len(hours)
        if each <= SUMMED_AT_ONCE:
            return await self._summed(identity, hours, each)
        groups = [hours[at : at + each] for at in range(0, len(hours), each)]
        return [reduce(add, await self._summed(identity, of, SUMMED_AT_ONCE)) for of in groups]

    async def by_day(self, identity: str, hours: range) -> list[tuple[int, HourSums]]:
        """Return the same as `read` of a policy, with the hours of each day (UTC) added up, by the first of them.

        Whole days are there in the store; only what begins or ends in mid-day is added up from its hours.
        """
        whole = range(-(-hours.start // HOURS_A_DAY), hours.stop // HOURS_A_DAY)
        midnight = min(whole.start * HOURS_A_DAY, hours.stop)
        before = range(hours.start, midnight)
        after = range(max(midnight, whole.stop * HOURS_A_DAY), hours.stop)
        found = [(part.start, sums) for part in (before, after) for sums in await self.totals(identity, part)]
        found += await self._days(identity, whole)
        return sorted(((start, sums) for start, sums in found if sums.counts or sums.joined), key=lambda one: one[0])

    async def total(self, identity: str, hours: range) -> HourSums:
        """Return the sums of a policy over a range of hours."""
        return reduce(add, (of_day for _, of_day in await self.by_day(identity, hours)), HourSums())

    async def _days(self, identity: str, days: range) -> list[tuple[int, HourSums]]:
        names = [keys.shadow_day(self.tier, identity, day) for day in days]
        return [(day * HOURS_A_DAY, sums) for day, sums in await self._hashes(days, names)]

    async def _summed(self, identity: str, hours: range, each: int) -> list[HourSums]:
        """Have the store add up so many hours to each sum, which are at most `SUMMED_AT_ONCE`."""
        found: list[HourSums] = []
        at_once = SUMMED_AT_ONCE // each * each
        for part in (hours[at : at + at_once] for at in range(0, len(hours), at_once)):
            names = [keys.shadow_hour(self.tier, identity, hour) for hour in part]
            answers = await self._store.run(SUM_SHADOW, names, [each, LENGTH * FLOAT.itemsize])
            found += [HourSums.from_fields(dict(zip(fields[::2], fields[1::2], strict=True))) for fields in answers]
        return found

    async def picks(self, wanted: Sequence[tuple[str, int]]) -> list[bytes | None]:
        """Return the distributions kept for (policy identity, decision sequence); None where there is none."""
        if not wanted:
            return []
        with store_errors():
            async with self._store.redis.pipeline(transaction=False) as pipe:
                for identity, sequence in wanted:
                    name = keys.shadow_picks(self.tier, identity, keys.pick_chunk(sequence))
                    pipe.hget(name, keys.pick_field(sequence))
                return [None if value is None else bytes(value) for value in await pipe.execute()]


def _commit_arguments(tier: str, commit: ShadowCommit) -> tuple[list[str], list[Any]]:
    names = [keys.shadow_progress(tier)]
    args: list[Any] = [commit.position, commit.expected, commit.reached, commit.keep_picks_s]
    args.append(len(commit.progress))
    for name, value in commit.progress.items():
        args += [name, value]
    args.append(len(commit.hours))
    for (identity, hour), sums in commit.hours.items():
        names.append(keys.shadow_hour(tier, identity, hour))
        keep_s = SHORT[identity].kept_s if identity in SHORT else commit.keep_s
        of_policy = not is_activity(identity)
        if of_policy:
            names.append(keys.shadow_day(tier, identity, hour // HOURS_A_DAY))
        bound = repr(float(sums.bound)) if sums.bound else ""
        args += [keep_s, int(of_policy), sums.packed(), bound, len(sums.counts)]
        for name, number in sums.counts.items():
            args += [name, repr(float(number))]
    added: defaultdict[str, list[Any]] = defaultdict(list)
    for (identity, sequence), pick in commit.picks.items():
        added[keys.shadow_picks(tier, identity, keys.pick_chunk(sequence))] += [keys.pick_field(sequence), pick]
    args.append(len(added))
    for name, entries in added.items():
        names.append(name)
        args += [len(entries) // 2, *entries]
    taken: defaultdict[str, list[Any]] = defaultdict(list)
    for identity, sequence in commit.used:
        taken[keys.shadow_picks(tier, identity, keys.pick_chunk(sequence))].append(keys.pick_field(sequence))
    args.append(len(taken))
    for name, entries in taken.items():
        names.append(name)
        args += [len(entries), *entries]
    names += [keys.shadow_picks(tier, identity, chunk) for identity, chunk in commit.dropped]
    return names, args


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode()
