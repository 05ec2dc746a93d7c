"""Learned state of a tier in Redis: read by every replica, written by one reward-updater in atomic commits."""

import struct
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
import numpy as np

from pointsman.core.bandit import Arm, ArmState, DriftMonitor
from pointsman.core.bandit.arm_state import COST, LATENCY, ONE, PARTS, QUALITY, REWARD, FloatArray, from_sums
from pointsman.runtime.store import keys
from pointsman.runtime.store.errors import StoreCorrupt, store_errors
from pointsman.runtime.store.store import Script, Store, lua_string

COMMIT_OUTCOMES = Script("pointsman.learning", "commit_outcomes")
READ_CHANGES = Script("pointsman.learning", "read_changes", read_only=True)

FLOAT = np.dtype("<f8")
ARM_FIELDS = (
    *("A", "b", "n", "reward_sum", "cost_n", "cost_sum_usd", "version", "updated_at_ms", "dim"),
    *("parts", "drift"),
)
"""Fields of an arm's hash.

``parts``: ``version`` again, then the other sums and the moments of its Gram matrix. ``drift``: `DriftMonitor.state`;
empty without one.
"""
_OTHER_SUMS = [ONE, QUALITY, COST, LATENCY]
_ENTRY = struct.Struct("<Qd")
_PARTS_VERSION = struct.Struct("<Q")


@dataclass(frozen=True, slots=True)
class TierChanges:
    """A tier at one moment, with the arms that changed since the reader's watermark.

    ``epoch``: creation time of the outcome log that it was learned from; empty before the first commit.
    ``watermark``: sequence of the last applied outcome.
    ``as_of_ms``: every outcome accepted before this time is applied (Unix milliseconds).
    ``ranges``: `Learner.state`: the reward's running ranges and weights.
    ``arms``: those that changed.
    ``decision_high``: highest sequence of a decision whose outcome is applied.
    ``watermark_at_ms``: when the log accepted the message at the watermark (Unix milliseconds); 0 when unknown.
    ``generation``: random name given when the tier was last learned from the beginning. Another one means that
    everything was learned again, perhaps from a restored log: what a reader holds may belong to the log before.
    ``incomplete``: an arm was stored by a version that kept only A and b; its other sums are approximations.
    """

    epoch: str
    watermark: int
    as_of_ms: int
    ranges: dict[str, list[float]]
    arms: dict[Arm, ArmState]
    decision_high: int = 0
    watermark_at_ms: int = 0
    generation: str = ""
    incomplete: bool = False


@dataclass(slots=True)
class Commit:
    """Everything that a batch of outcomes changes; see `TierChanges` for fields without a description.

    ``expected_watermark``, ``watermark``: before and after the batch.
    ``arms``: those that changed, complete.
    ``applied``: tuples of (decision sequence, outcome sequence, reward 0 to 1).
    ``keep_outcomes_s``: retention of the index from decision to outcome: that of the decision log.
    ``generation``: used if this is the tier's first commit, or the arms were ``relearned``: replicas then read all.
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
    relearned: bool = False


class Committed(NamedTuple):
    """Whether a commit was applied, and the tier's watermark afterwards."""

    applied: bool
    watermark: int


class OutcomeIndexEntry(NamedTuple):
    """Sequence of a decision's outcome in the log, and its reward (0 to 1)."""

    outcome_sequence: int
    reward: float

    def encode(self) -> bytes:
        """Return the entry exactly as it is in the store."""
        return _ENTRY.pack(*self)


class SettledWatermark(NamedTuple):
    """Progress of a tier's feedback settler: everything up to ``sequence`` is settled.

    ``epoch`` is the creation time of the stream; empty, with sequence 0, when there is no record.
    """

    epoch: str
    sequence: int


class TierStore:
    """Reads and commits of one tier."""

    def __init__(self, store: Store, tier: str) -> None:
        self._store = store
        self.tier = tier

    async def changes(self, epoch: str = "", since: int = 0, generation: str = "") -> TierChanges:
        """Read the tier and the arms that changed since a watermark, all of one moment."""
        reply = await self._store.run(
            READ_CHANGES, [keys.tier(self.tier)], [keys.arm_prefix(self.tier), epoch, since, generation, *ARM_FIELDS]
        )
        try:
            return _decode_changes(reply)
        except (ValueError, msgspec.MsgspecError, IndexError) as error:
            raise StoreCorrupt(f"tier {self.tier}: {error}") from error

    async def watermark(self) -> int:
        """Return the sequence of the last applied outcome; 0 before the first."""
        with store_errors():
            return int(await self._store.redis.hget(keys.tier(self.tier), "watermark") or 0)

    async def commit(self, commit: Commit) -> Committed:
        """Apply a batch if the tier is in the state that the batch was computed from; change nothing otherwise.

        Raise `StoreUnavailable` without a response. The batch may or may not be applied; the watermark shows it.
        """
        names, batch = _encode_commit(self.tier, commit)
        applied, watermark = await self._store.run(COMMIT_OUTCOMES, names, [msgspec.msgpack.encode(batch)])
        return Committed(bool(applied), int(watermark))

    async def applied_chunk(self, chunk: int) -> bytes:
        """Return the applied bits of a chunk, as `AppliedBits.load` expects them."""
        with store_errors():
            bits: bytes | None = await self._store.redis.get(keys.applied(self.tier, chunk))  # type: ignore[assignment]  # never str: responses are not decoded
        return bits or b""

    async def outcome_of(self, sequence: int) -> OutcomeIndexEntry | None:
        """Return the applied outcome of a decision; None when there is none, or its entry has expired."""
        name, at = keys.outcome(self.tier, sequence), keys.outcome_field(sequence)
        with store_errors():
            entry: bytes | None = await self._store.redis.hget(name, at)  # type: ignore[assignment]  # never str: responses are not decoded
        return OutcomeIndexEntry(*_ENTRY.unpack(entry)) if entry else None

    async def settled(self) -> SettledWatermark:
        """Return the progress of the feedback settler."""
        with store_errors("settled"):
            found: dict[bytes, bytes] = await self._store.redis.hgetall(keys.settled(self.tier))  # type: ignore[assignment]  # never str: responses are not decoded
        sequence = found.get(b"sequence", b"0")
        return SettledWatermark(found.get(b"epoch", b"").decode(), int(sequence) if sequence.isdigit() else 0)

    async def set_settled(self, settled: SettledWatermark) -> None:
        """Record the progress of the feedback settler.

        No compare is needed: everything up to the watermark is appended. A settler that was stopped for a while may set
        it back, and then some messages are settled twice, which changes nothing.
        """
        with store_errors("settled"):
            await self._store.redis.hset(
                keys.settled(self.tier), mapping={"epoch": settled.epoch, "sequence": settled.sequence}
            )


def encode_arm(state: ArmState) -> dict[str, bytes | str]:
    """Return the fields of an arm's hash, exactly as they are in the store."""
    return {
        "A": _encode(state.A),
        "b": _encode(state.b),
        "n": str(state.n),
        "reward_sum": repr(state.reward_sum),
        "cost_n": str(state.cost_n),
        "cost_sum_usd": repr(state.cost_sum_usd),
        "version": str(state.version),
        "updated_at_ms": str(state.updated_at_ms),
        "dim": str(state.dim),
        "drift": b"" if state.drift is None else _encode(state.drift.state()),
        "parts": _PARTS_VERSION.pack(state.version) + _encode(state.sums[_OTHER_SUMS]) + _encode(state.moments),
    }


def decode_arm(values: Sequence[bytes | None]) -> ArmState:
    """Return the arm with these values of `ARM_FIELDS`; raise `ValueError` when they are not those of an arm."""
    A, b, n, reward_sum, cost_n, cost_sum, version, updated, dim, parts, drift = (value or b"" for value in values)
    d = int(dim)
    complete = is_complete(values)
    gram = _decode_gram(A, b, parts, d) if complete else _older_gram(A, b, d, int(n), float(reward_sum))
    return ArmState(
        gram=gram,
        n=int(n),
        reward_sum=float(reward_sum),
        cost_n=int(cost_n),
        cost_sum_usd=float(cost_sum),
        version=int(version),
        updated_at_ms=int(updated),
        drift=DriftMonitor.from_state(np.frombuffer(drift, FLOAT), d) if drift and complete else None,
    )


def is_complete(values: Sequence[bytes | None]) -> bool:
    """Return whether these values of `ARM_FIELDS` have the parts, of the same version as A and b.

    Older versions of Pointsman do not write them, and leave those of a newer one as they are.
    """
    version, parts = values[ARM_FIELDS.index("version")], values[ARM_FIELDS.index("parts")]
    return bool(parts) and _PARTS_VERSION.unpack_from(parts or b"")[0] == int(version or 0)


def _encode(array: FloatArray) -> bytes:
    return array.astype(FLOAT, copy=False).tobytes()


def _decode_gram(A: bytes, b: bytes, parts: bytes, d: int) -> FloatArray:
    gram = np.empty((d + PARTS, d + PARTS))
    numbers = np.frombuffer(parts, dtype=FLOAT, offset=_PARTS_VERSION.size)
    gram[:d, :d] = np.frombuffer(A, dtype=FLOAT).reshape(d, d)
    gram[d + REWARD, :d] = np.frombuffer(b, dtype=FLOAT)
    gram[[d + row for row in _OTHER_SUMS], :d] = numbers[: len(_OTHER_SUMS) * d].reshape(-1, d)
    gram[:d, d:] = gram[d:, :d].T
    gram[d:, d:] = numbers[len(_OTHER_SUMS) * d :].reshape(PARTS, PARTS)
    return gram


def _older_gram(A: bytes, b: bytes, d: int, n: int, reward_sum: float) -> FloatArray:
    return from_sums(np.frombuffer(A, FLOAT).reshape(d, d), np.frombuffer(b, FLOAT).reshape(d), n, reward_sum)


def encode_ranges(ranges: dict[str, list[float]]) -> bytes:
    """Return the field ``ranges`` of a tier's hash, exactly as it is in the store."""
    return msgspec.json.encode(ranges)


def decode_ranges(data: bytes | None) -> dict[str, list[float]]:
    """Return the ranges of the field ``ranges``; empty when there is none."""
    return msgspec.json.decode(data, type=dict[str, list[float]]) if data else {}


def _encode_commit(tier: str, commit: Commit) -> tuple[list[str], dict[str, Any]]:
    """Return the keys and the batch of ``commit_outcomes.lua``. Scalars are text, so that Lua does not format them."""
    bits: defaultdict[str, list[int]] = defaultdict(list)
    entries: defaultdict[str, list[str | msgspec.Raw]] = defaultdict(list)
    for decision, outcome, reward in commit.applied:
        bits[keys.applied(tier, decision // keys.APPLIED_CHUNK)].append(keys.applied_bit(decision))
        entries[keys.outcome(tier, decision)] += [
            keys.outcome_field(decision),
            lua_string(OutcomeIndexEntry(outcome, reward).encode()),
        ]
    batch = {
        "epoch": commit.epoch,
        "expected_watermark": str(commit.expected_watermark),
        "watermark": str(commit.watermark),
        "as_of_ms": str(commit.as_of_ms),
        "ranges": lua_string(encode_ranges(commit.ranges)),
        "decision_high": str(commit.decision_high),
        "watermark_at_ms": str(commit.watermark_at_ms),
        "keep_outcomes_s": commit.keep_outcomes_s,
        "generation": commit.generation,
        "relearned": commit.relearned,
        "arms": [
            {"name": str(arm), "version": str(state.version), "fields": _flat(encode_arm(state))}
            for arm, state in commit.arms.items()
        ],
        "bitmaps": list(bits.values()),
        "indexes": list(entries.values()),
    }
    return [keys.tier(tier), *(keys.arm(tier, arm) for arm in commit.arms), *bits, *entries], batch


def _flat(fields: dict[str, bytes | str]) -> list[str | msgspec.Raw]:
    return [
        part
        for name, value in fields.items()
        for part in (name, lua_string(value) if isinstance(value, bytes) else value)
    ]


def _decode_changes(reply: list[Any]) -> TierChanges:
    epoch, watermark, as_of_ms, ranges, decision_high, watermark_at_ms, generation = reply[:7]
    size = 1 + len(ARM_FIELDS)
    arms = {reply[at]: reply[at + 1 : at + size] for at in range(7, len(reply), size)}
    return TierChanges(
        epoch=epoch.decode(),
        watermark=int(watermark),
        as_of_ms=int(as_of_ms),
        ranges=decode_ranges(ranges),
        arms={Arm.parse(name.decode()): decode_arm(values) for name, values in arms.items()},
        decision_high=int(decision_high),
        watermark_at_ms=int(watermark_at_ms),
        generation=generation.decode(),
        incomplete=not all(map(is_complete, arms.values())),
    )
