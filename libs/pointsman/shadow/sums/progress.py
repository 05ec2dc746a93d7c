"""Progress of a tier's shadow evaluation: the positions of its readers and the runs of its policies, in one hash."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from pointsman.shadow.sums.runs import Run

WATERMARK = "watermark"
"""Field: sequence of the last decision that was evaluated."""
REWARDS_AT = "rewards_at"
"""Field: position in the stream REWARDS of the last reward that was joined."""
OUTCOMES = "outcomes"
"""Field: the highest ``state_watermark`` of the decisions up to the watermark."""
COMPLETE = "rewards_complete"
"""Field: the rewards of all outcomes up to this sequence were read."""
SEEN = "rewards_seen"
"""Field: the outcomes above that sequence whose rewards were read."""
DAYS_FROM = "days_from"
"""Field: the first day (UTC, counted from the Unix epoch) whose sums contain all of its hours; absent while unknown."""
REWARDS_LOG = "rewards_log"
"""Field: creation time of the stream that `REWARDS_AT` refers to."""
_RUNS = "runs\t"
_PICKS = "picks\t"

_runs_decoder = msgspec.json.Decoder(list[Run])
_seen_decoder = msgspec.json.Decoder(list[int])


@dataclass(slots=True)
class ShadowProgress:
    """Progress of the evaluation of a tier: the fields of the hash above, and two that exist per policy identity.

    Attributes
    ----------
    runs: The runs of each policy, in order.
    picks_from: The lowest chunk of each policy's picks that may still exist.
    days_from: See `DAYS_FROM`; None while unknown.
    """

    watermark: int = 0
    rewards_at: int = 0
    outcomes: int = 0
    complete: int = 0
    seen: set[int] = field(default_factory=set)
    rewards_log: str = ""
    runs: dict[str, list[Run]] = field(default_factory=dict)
    picks_from: dict[str, int] = field(default_factory=dict)
    days_from: int | None = None

    @classmethod
    def from_fields(cls, fields: Mapping[str, str]) -> ShadowProgress:
        """Parse the fields of the hash."""
        return cls(
            watermark=int(fields.get(WATERMARK, 0)),
            rewards_at=int(fields.get(REWARDS_AT, 0)),
            outcomes=int(fields.get(OUTCOMES, 0)),
            complete=int(fields.get(COMPLETE, 0)),
            seen=set(_seen_decoder.decode(fields.get(SEEN, "[]"))),
            rewards_log=fields.get(REWARDS_LOG, ""),
            runs={identity: _runs_decoder.decode(value) for identity, value in _with_prefix(fields, _RUNS)},
            picks_from={identity: int(value) for identity, value in _with_prefix(fields, _PICKS)},
            days_from=int(fields[DAYS_FROM]) if DAYS_FROM in fields else None,
        )

    @property
    def is_new(self) -> bool:
        """Whether nothing was evaluated yet."""
        return not (self.watermark or self.rewards_at)

    def apply_runs(self, changed: Mapping[str, list[Run]]) -> None:
        """Apply runs that were committed; an empty list removes a policy."""
        self.runs = {identity: runs for identity, runs in {**self.runs, **changed}.items() if runs}

    def apply_first_chunks(self, changed: Mapping[str, int | None]) -> None:
        """Apply first chunks of picks that were committed; None removes a policy."""
        merged = {**self.picks_from, **changed}
        self.picks_from = {identity: chunk for identity, chunk in merged.items() if chunk is not None}


def encode_runs(changed: Mapping[str, list[Run]]) -> dict[str, str]:
    """Return the fields that hold the runs of these policies; an empty text deletes the field."""
    return {_RUNS + identity: msgspec.json.encode(runs).decode() if runs else "" for identity, runs in changed.items()}


def encode_first_chunks(changed: Mapping[str, int | None]) -> dict[str, str]:
    """Return the fields that hold the first chunk of picks of these policies; an empty text deletes the field."""
    return {_PICKS + identity: "" if chunk is None else str(chunk) for identity, chunk in changed.items()}


def encode_seen(seen: set[int]) -> str:
    """Return the value of the field `SEEN`."""
    return msgspec.json.encode(sorted(seen)).decode()


def _with_prefix(fields: Mapping[str, str], prefix: str) -> Iterable[tuple[str, str]]:
    return [(name.removeprefix(prefix), value) for name, value in fields.items() if name.startswith(prefix)]
