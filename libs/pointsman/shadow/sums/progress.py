"""How far the shadow evaluation of a tier is, and which decisions each policy was run on: one hash in Redis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

WATERMARK = "watermark"
"""Field: sequence of the last decision that was evaluated."""
REWARDS_AT = "rewards_at"
"""Field: place in the stream REWARDS of the last reward that was joined."""
OUTCOMES = "outcomes"
"""Field: the highest ``state_watermark`` of the decisions up to the watermark."""
COMPLETE = "rewards_complete"
"""Field: the rewards of all outcomes up to this sequence were read."""
SEEN = "rewards_seen"
"""Field: the outcomes above that whose rewards were read, too."""
REWARDS_LOG = "rewards_log"
"""Field: when the stream was created that `REWARDS_AT` is a place in."""
_RUNS = "runs\t"
_PICKS = "picks\t"


class Run(msgspec.Struct, array_like=True):
    """A stretch of the decision log that a policy was run on.

    Attributes
    ----------
    after : int
        It begins with the first decision above this sequence.
    through : int or None
        Its last decision; None while it goes on.
    sample : float
        The share of decisions that it was run on.
    stateful : bool
        Whether it had estimates of its own.
    """

    after: int
    through: int | None
    sample: float = 1.0
    stateful: bool = False


_runs_decoder = msgspec.json.Decoder(list[Run])
_seen_decoder = msgspec.json.Decoder(list[int])


@dataclass(slots=True)
class ShadowProgress:
    """How far the evaluation of a tier is.

    Attributes
    ----------
    watermark, rewards_at, outcomes, complete : int
    seen : set of int
    rewards_log : str
        As the fields of the hash above.
    runs : dict of policy identity to its runs, in order
    picks_from : dict of policy identity to chunk
        The lowest chunk of picks that may still be there.
    """

    watermark: int = 0
    rewards_at: int = 0
    outcomes: int = 0
    complete: int = 0
    seen: set[int] = field(default_factory=set)
    rewards_log: str = ""
    runs: dict[str, list[Run]] = field(default_factory=dict)
    picks_from: dict[str, int] = field(default_factory=dict)

    @classmethod
    def from_fields(cls, fields: Mapping[str, str]) -> ShadowProgress:
        """Read the fields of the hash."""
        return cls(
            watermark=int(fields.get(WATERMARK, 0)),
            rewards_at=int(fields.get(REWARDS_AT, 0)),
            outcomes=int(fields.get(OUTCOMES, 0)),
            complete=int(fields.get(COMPLETE, 0)),
            seen=set(_seen_decoder.decode(fields.get(SEEN, "[]"))),
            rewards_log=fields.get(REWARDS_LOG, ""),
            runs={
                name.removeprefix(_RUNS): _runs_decoder.decode(value)
                for name, value in fields.items()
                if name.startswith(_RUNS)
            },
            picks_from={
                name.removeprefix(_PICKS): int(value) for name, value in fields.items() if name.startswith(_PICKS)
            },
        )

    def take_runs(self, changed: Mapping[str, list[Run]]) -> None:
        """Take over runs that were committed; an empty list takes a policy's away."""
        self.runs = {name: runs for name, runs in {**self.runs, **changed}.items() if runs}

    def take_picks(self, changed: Mapping[str, int | None]) -> None:
        """Take over where picks begin, as it was committed; None takes a policy's away."""
        self.picks_from = {name: chunk for name, chunk in {**self.picks_from, **changed}.items() if chunk is not None}


def runs_field(identity: str) -> str:
    """Return the field that a policy's runs are in."""
    return f"{_RUNS}{identity}"


def runs_value(runs: list[Run]) -> str:
    """Return what that field holds; empty, and with that no field, without a run."""
    return msgspec.json.encode(runs).decode() if runs else ""


def picks_field(identity: str) -> str:
    """Return the field that says where a policy's picks begin."""
    return f"{_PICKS}{identity}"


def picks_value(chunk: int | None) -> str:
    """Return what that field holds; empty, and with that no field, without picks."""
    return "" if chunk is None else str(chunk)


def seen_value(seen: set[int]) -> str:
    """Return what the field `SEEN` holds."""
    return msgspec.json.encode(sorted(seen)).decode()
