"""Applied bits: one bit per decision, set when its outcome was applied."""

from collections import OrderedDict
from collections.abc import Iterable

from pointsman.runtime.store.keys import APPLIED_CHUNK

MAX_CHUNKS = 256
"""Chunks held in memory, 8 KB each; the least recently used ones are dropped."""


class AppliedBits:
    """The applied bits of one tier, by chunk of `APPLIED_CHUNK` decisions, which is one key in the store.

    ``complete``: whether a chunk that was never loaded is empty: when the log is replayed from its beginning. Chunks
    are then never dropped.
    """

    def __init__(self, complete: bool = False) -> None:
        self._complete = complete
        self._chunks: OrderedDict[int, bytearray] = OrderedDict()

    def missing(self, sequences: Iterable[int]) -> set[int]:
        """Return the chunks that must be loaded before the bits of these decisions are used."""
        if self._complete:
            return set()
        return {sequence // APPLIED_CHUNK for sequence in sequences} - self._chunks.keys()

    def load(self, chunk: int, bits: bytes) -> None:
        """Load a chunk as the store has it (Redis' bit order: the first decision is the highest bit)."""
        self._chunks[chunk] = bytearray(bits.ljust(APPLIED_CHUNK // 8, b"\0"))

    def trim(self) -> None:
        """Drop the least recently used chunks. Call it only when everything set is in the store."""
        while not self._complete and len(self._chunks) > MAX_CHUNKS:
            self._chunks.popitem(last=False)

    def is_set(self, sequence: int) -> bool:
        """Return whether a decision's outcome was applied."""
        bits, byte, mask = self._locate(sequence)
        return bool(bits[byte] & mask)

    def mark(self, sequence: int) -> bool:
        """Set a decision's bit; return whether it was clear before."""
        bits, byte, mask = self._locate(sequence)
        if bits[byte] & mask:
            return False
        bits[byte] |= mask
        return True

    def _locate(self, sequence: int) -> tuple[bytearray, int, int]:
        chunk, bit = divmod(sequence, APPLIED_CHUNK)
        bits = self._chunks.get(chunk)
        if bits is None:
            if not self._complete:
                raise KeyError(f"chunk {chunk} was not loaded")
            bits = self._chunks[chunk] = bytearray(APPLIED_CHUNK // 8)
        else:
            self._chunks.move_to_end(chunk)
        return bits, bit >> 3, 0x80 >> (bit & 7)

    def held(self) -> set[int]:
        """Return the chunks in memory."""
        return set(self._chunks)

    def chunk(self, number: int) -> bytes:
        """Return a chunk as the store has it, without the zeros at its end."""
        return bytes(self._chunks.get(number, b"")).rstrip(b"\0")
