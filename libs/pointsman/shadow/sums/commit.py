"""The atomic commit of one batch of shadow evaluation."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from pointsman.runtime.store import keys
from pointsman.runtime.store.store import Script, lua_string
from pointsman.shadow.periods import DAY_S, HOURS_PER_DAY
from pointsman.shadow.sums.activity import SHORT, is_activity
from pointsman.shadow.sums.hour_sums import Hours

COMMIT_SHADOW = Script("pointsman.shadow.sums", "commit_shadow")


class ShadowCommitted(NamedTuple):
    """Whether a commit was applied, and the position of its reader afterwards."""

    applied: bool
    watermark: int


@dataclass(slots=True)
class ShadowCommit:
    """Everything that a batch of decisions or of rewards changes.

    Attributes
    ----------
    position: The field of the progress with the position of this reader: `progress.WATERMARK` or `progress.REWARDS_AT`.
    expected, reached: Its value before and after the batch.
    progress: Further fields of the progress; an empty text deletes the field.
    hours: What to add. The identity is a `comparison_identity`, or one of `activity`. The sums of a policy are added to
        their day as well.
    picks: By policy identity and decision sequence: distributions to store until the reward arrives.
    used: Picks whose reward has arrived, as (policy identity, decision sequence).
    dropped: Picks to delete, as (policy identity, chunk).
    keep_s, keep_picks_s: How long an hour and its day, and picks, are kept after their last change; `activity.SHORT`
        has its own times.
    """

    position: str
    expected: int
    reached: int
    progress: dict[str, str] = field(default_factory=dict)
    hours: Hours = field(default_factory=dict)
    picks: dict[tuple[str, int], bytes] = field(default_factory=dict)
    used: Sequence[tuple[str, int]] = ()
    dropped: Sequence[tuple[str, int]] = ()
    keep_s: int = 90 * DAY_S
    keep_picks_s: int = 30 * DAY_S

    def script_arguments(self, tier: str) -> tuple[list[str], bytes]:
        """Return the keys and the msgpack argument of ``commit_shadow.lua``, which refers to keys by their index."""
        names = [keys.shadow_progress(tier)]

        def index(name: str) -> int:
            names.append(name)
            return len(names)

        sums: list[Any] = []
        for (identity, hour), added in self.hours.items():
            keep_s = SHORT[identity].kept_s if identity in SHORT else self.keep_s
            targets = [(index(keys.shadow_hour(tier, identity, hour)), keep_s)]
            if not is_activity(identity):
                targets.append((index(keys.shadow_day(tier, identity, hour // HOURS_PER_DAY)), keep_s + DAY_S))
            bound = repr(float(added.bound)) if added.bound else ""
            counts = {name: repr(float(number)) for name, number in added.counts.items()}
            sums.append((targets, lua_string(added.packed_moments()), bound, counts))
        stored: defaultdict[str, dict[str, msgspec.Raw]] = defaultdict(dict)
        for (identity, sequence), pick in self.picks.items():
            name = keys.shadow_picks(tier, identity, keys.pick_chunk(sequence))
            stored[name][keys.pick_field(sequence)] = lua_string(pick)
        used: defaultdict[str, list[str]] = defaultdict(list)
        for identity, sequence in self.used:
            used[keys.shadow_picks(tier, identity, keys.pick_chunk(sequence))].append(keys.pick_field(sequence))
        argument = {
            "position": self.position,
            "expected": str(self.expected),
            "reached": str(self.reached),
            "progress": self.progress,
            "sums": sums,
            "picks": [(index(name), entries) for name, entries in stored.items()],
            "picks_ttl_s": self.keep_picks_s,
            "used": [(index(name), entries) for name, entries in used.items()],
            "dropped": [index(keys.shadow_picks(tier, identity, chunk)) for identity, chunk in self.dropped],
        }
        return names, msgspec.msgpack.encode(argument)
