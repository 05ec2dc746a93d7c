"""Which decisions have had their outcome counted: one bit each, for ever."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

CHUNK = 65_536
"""Decisions in a chunk; `pointsman.runtime.store.keys` uses the same, so that a chunk is one key."""

MAX_CHUNKS = 256
"""Chunks kept in memory, 8 KB each; the ones not used for longest go."""


class AppliedBits:
    """The applied bits of one tier, by chunk.

    Parameters
    ----------
    complete : bool
        True when a chunk that was never loaded is known to be empty: when the log is replayed from its beginning.
        Chunks are then never dropped.
    """

    def __init__(self, complete: bool = False) -> None:
        self._complete = complete
        self._chunks: OrderedDict[int, bytearray] = OrderedDict()

    def missing(self, sequences: Iterable[int]) -> set[int]:
        """Return the chunks of these decisions that must be loaded before the decisions are asked about."""
        if self._complete:
            return set()
        return {sequence // CHUNK for sequence in sequences} - self._chunks.keys()

    def load(self, chunk: int, bits: bytes) -> None:
        """Take over a chunk as the store has it (Redis' bit order: the first decision is the highest bit)."""
        self._chunks[chunk] = bytearray(bits.ljust(CHUNK // 8, b"\0"))

    def trim(self) -> None:
        """Drop what was not used for longest. Only to be called when everything set is in the store."""
        while not self._complete and len(self._chunks) > MAX_CHUNKS:
            self._chunks.popitem(last=False)

    def mark(self, sequence: int) -> bool:
        """Set a decision's bit; tell whether it was clear before."""
        chunk, bit = divmod(sequence, CHUNK)
        bits = self._chunks.get(chunk)
        if bits is None:
            if not self._complete:
                raise KeyError(f"chunk {chunk} was not loaded")
            bits = self._chunks[chunk] = bytearray(CHUNK // 8)
        else:
            self._chunks.move_to_end(chunk)
        byte, mask = bit >> 3, 0x80 >> (bit & 7)
        if bits[byte] & mask:
            return False
        bits[byte] |= mask
        return True

    def held(self) -> set[int]:
        """Return the chunks that are in memory."""
        return set(self._chunks)

    def chunk(self, number: int) -> bytes:
        """Return a chunk as the store would have it, without the zeros at its end."""
        return bytes(self._chunks.get(number, b"")).rstrip(b"\0")
