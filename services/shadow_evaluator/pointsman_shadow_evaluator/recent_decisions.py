"""Decisions that were evaluated lately, so that a prompt reward need not fetch its own from the log."""

from __future__ import annotations

from collections import OrderedDict

from pointsman.runtime.bus import StoredMessage

MAX_BYTES = 4 * 1024**2


class RecentDecisions:
    """The last messages of a tier's decision log, undecoded, within a bound on their size.

    Parameters
    ----------
    max_bytes : int
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._messages: OrderedDict[int, StoredMessage] = OrderedDict()

    def add(self, message: StoredMessage) -> None:
        """Keep a message; the ones that were added first go when there is no more room."""
        replaced = self._messages.pop(message.sequence, None)
        self._bytes += len(message.data) - (len(replaced.data) if replaced else 0)
        self._messages[message.sequence] = message
        while self._bytes > self._max_bytes:
            self._bytes -= len(self._messages.popitem(last=False)[1].data)

    def get(self, sequence: int) -> StoredMessage | None:
        """Return a message that is still here."""
        return self._messages.get(sequence)

    def clear(self) -> None:
        """Forget all: the log may be another one."""
        self._messages.clear()
        self._bytes = 0
