"""Interface of the translators of answers."""

from __future__ import annotations

from typing import Protocol


class AnswerTranslator(Protocol):
    """Translates one answer from the wire's dialect to the client's."""

    def whole(self, body: bytes) -> bytes:
        """Translate an answer that is not a stream.

        Raises
        ------
        ValueError, KeyError, TypeError
            The answer does not match its dialect, or the other dialect cannot express it.
        """
        ...

    def event(self, data: bytes) -> bytes:
        """Translate the data of one event to the resulting events of the client's dialect, possibly none.

        Raises
        ------
        ValueError, KeyError, TypeError
            As above.
        """
        ...

    def end(self) -> bytes:
        """Return the remaining events when the stream has ended."""
        ...
