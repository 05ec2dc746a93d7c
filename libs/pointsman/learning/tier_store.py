"""What a tier has learned, in Redis: read by every replica, written by one reward-updater in atomic commits."""

from __future__ import annotations

import struct
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
import numpy as np

from pointsman.core.bandit import Arm, ArmState
from pointsman.runtime.store import keys
from pointsman.runtime.store.errors import StoreCorrupt, store_errors
from pointsman.runtime.store.script import Script
from pointsman.runtime.store.store import Store

COMMIT_OUTCOMES = Script("pointsman.learning", "commit_outcomes")
READ_CHANGES = Script("pointsman.learning", "read_changes", read_only=True)

FLOAT = np.dtype("<f8")
_ENTRY = struct.Struct("<Qd")


@dataclass(frozen=True, slots=True)
class TierChanges:
    """A tier at one moment, with the arms that changed since the reader's watermark.

    Attributes
    ----------
    epoch : str
        Which outcome log this was learned from; empty for a tier that nothing was ever stored for.
    watermark : int
        Last outcome sequence applied.
    as_of_ms : int
        Every outcome accepted before this time is applied (Unix milliseconds).
    ranges : dict
        State of the reward's running ranges.
    known_arms : int
        How many arms the tier has.
    decision_high : int
        Highest sequence of a decision that was learned from.
    watermark_at_ms : int
        When the log accepted the message at the watermark (Unix milliseconds); 0 when that was not noted.
    generation : str
        A random name that the tier got when it was last begun from nothing. Another one means that everything was
        learned anew, perhaps from a log that was put back: what a reader kept may be of the log before.
    arms : dict of Arm to ArmState
        Those that changed.
    """

    epoch: str
    watermark: int
    as_of_ms: int
    ranges: dict[str, list[float]]
    known_arms: int
    arms: dict[Arm, ArmState]
    decision_high: int = 0
    watermark_at_ms: int = 0
    generation: str = ""


@dataclass(slots=True)
class Commit:
    """Everything that a batch of outcomes changes.

    Attributes
    ----------
    epoch : str
    expected_watermark, watermark : int
        Before and after.
    as_of_ms : int
    ranges : dict
    decision_high, watermark_at_ms : int
    arms : dict of Arm to ArmState
        Those that changed, whole.
    applied : list of (decision sequence, outcome sequence, reward 0 to 1)
    keep_outcomes_s : int
        How long the index from decision to outcome is kept: as long as the decision log.
    generation : str
        The tier's, should this be its first commit.
    """

    epoch: str
    expected_watermark: int
    watermark: int
    as_of_ms: int
    ranges: dict[str, list[float]]
    decision_high: int = 0
    watermark_at_ms: int = 0
    arms: dict[Arm, ArmState] = field(default_factory=dict)
    applied: list[tuple[int, int, float]] = field(default_factory=list)
    keep_outcomes_s: int = 30 * 86_400
    generation: str = ""


class Committed(NamedTuple):
    """Whether a commit was applied, and where the tier stands now."""

    applied: bool
    epoch: str
    watermark: int


class AppliedOutcome(NamedTuple):
    """Where a decision's outcome is in the log, and the reward (0 to 1) that it was given."""

    outcome_sequence: int
    reward: float


class TierStore:
    """Reads and commits of one tier.

    Parameters
    ----------
    store : Store
    tier : str
    """

    def __init__(self, store: Store, tier: str) -> None:
        self._store = store
        self.tier = tier

    async def changes(self, epoch: str = "", since: int = 0, generation: str = "") -> TierChanges:
        """Read the tier and the arms that changed since a watermark, all of one moment."""
        reply = await self._store.run(
            READ_CHANGES, [keys.tier(self.tier)], [keys.arm_prefix(self.tier), epoch, since, generation]
        )
        try:
            return _changes(reply)
        except (ValueError, msgspec.MsgspecError, IndexError) as error:
            raise StoreCorrupt(f"tier {self.tier}: {error}") from error

    async def watermark(self) -> int:
        """Return the sequence of the last outcome applied; 0 before the first."""
        with store_errors():
            value = await self._store.redis.hget(keys.tier(self.tier), "watermark")
        return int(value or 0)

    async def commit(self, commit: Commit) -> Committed:
        """Apply a batch if the tier is where the batch was computed from; change nothing otherwise.

        Raises
        ------
        StoreUnavailable
            When there was no answer. The batch may or may not be applied: read the watermark to know.
        """
        names, args = _commit_arguments(self.tier, commit)
        applied, epoch, watermark = await self._store.run(COMMIT_OUTCOMES, names, args)
        return Committed(bool(applied), epoch.decode(), int(watermark))

    async def applied_chunk(self, sequence: int) -> bytes:
        """Return the applied bitmap of the chunk that a decision is in; shorter where its end is zero."""
        with store_errors():
            chunk: bytes | None = await self._store.redis.get(keys.applied(self.tier, sequence))  # type: ignore[assignment]  # never str: responses are not decoded
        return chunk or b""

    async def outcome_of(self, sequence: int) -> AppliedOutcome | None:
        """Return what a decision's outcome came to; None when none was applied, or that was too long ago."""
        with store_errors():
            name, at = keys.outcome(self.tier, sequence), keys.outcome_field(sequence)
            entry: bytes | None = await self._store.redis.hget(name, at)  # type: ignore[assignment]  # never str: responses are not decoded
        return AppliedOutcome(*_ENTRY.unpack(entry)) if entry else None


def encode_arm(state: ArmState) -> dict[str, bytes | str]:
    """Return the fields of an arm's hash, as they are in the store to the byte."""
    return {
        "A": state.A.astype(FLOAT, copy=False).tobytes(),
        "b": state.b.astype(FLOAT, copy=False).tobytes(),
        "n": str(state.n),
        "reward_sum": repr(state.reward_sum),
        "cost_n": str(state.cost_n),
        "cost_sum_usd": repr(state.cost_sum_usd),
        "version": str(state.version),
        "updated_at_ms": str(state.updated_at_ms),
        "dim": str(state.dim),
    }


def encode_ranges(ranges: dict[str, list[float]]) -> bytes:
    """Return the field ``ranges`` of a tier's hash, as it is in the store to the byte."""
    return msgspec.json.encode(ranges)


def encode_applied(outcome_sequence: int, reward: float) -> bytes:
    """Return an entry of the outcome index, as it is in the store to the byte."""
    return _ENTRY.pack(outcome_sequence, reward)


def _commit_arguments(tier: str, commit: Commit) -> tuple[list[str], list[Any]]:
    names = [keys.tier(tier)]
    args: list[Any] = [
        commit.epoch,
        commit.expected_watermark,
        commit.watermark,
        commit.as_of_ms,
        encode_ranges(commit.ranges),
        commit.decision_high,
        commit.watermark_at_ms,
        commit.keep_outcomes_s,
        commit.generation,
        len(commit.arms),
    ]
    for arm, state in commit.arms.items():
        names.append(keys.arm(tier, arm))
        args.append(str(arm))
        args.extend(encode_arm(state).values())
    bits: defaultdict[str, list[Any]] = defaultdict(list)
    entries: defaultdict[str, list[Any]] = defaultdict(list)
    for decision, outcome, reward in commit.applied:
        bits[keys.applied(tier, decision)].append(keys.applied_bit(decision))
        entries[keys.outcome(tier, decision)] += [keys.outcome_field(decision), encode_applied(outcome, reward)]
    args.append(len(bits))
    for name, values in bits.items():
        names.append(name)
        args += [len(values), *values]
    args.append(len(entries))
    for name, values in entries.items():
        names.append(name)
        args += [len(values) // 2, *values]
    return names, args


def _changes(reply: list[Any]) -> TierChanges:
    epoch, watermark, as_of_ms, ranges, known, decision_high, watermark_at_ms, generation = reply[:8]
    arms = {}
    for at in range(8, len(reply), 10):
        name, A, b, n, reward_sum, cost_n, cost_sum, version, updated, dim = reply[at : at + 10]
        d = int(dim)
        arms[Arm.parse(name.decode())] = ArmState(
            A=np.frombuffer(A, dtype=FLOAT).reshape(d, d).astype(np.float64),
            b=np.frombuffer(b, dtype=FLOAT).reshape(d).astype(np.float64),
            n=int(n),
            reward_sum=float(reward_sum),
            cost_n=int(cost_n),
            cost_sum_usd=float(cost_sum),
            version=int(version),
            updated_at_ms=int(updated),
        )
    return TierChanges(
        epoch=epoch.decode(),
        watermark=int(watermark),
        as_of_ms=int(as_of_ms),
        ranges=msgspec.json.decode(ranges, type=dict[str, list[float]]) if ranges else {},
        known_arms=int(known),
        arms=arms,
        decision_high=int(decision_high),
        watermark_at_ms=int(watermark_at_ms),
        generation=generation.decode(),
    )
