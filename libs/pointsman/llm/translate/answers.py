"""What every translation of answers is."""

from __future__ import annotations

from typing import Protocol


class AnswerTranslator(Protocol):
    """Translates one answer from the wire's dialect to the client's."""

    def whole(self, body: bytes) -> bytes:
        """Translate an answer that is no stream.

        Raises
        ------
        ValueError, KeyError, TypeError
            It is not of the dialect, or has something that the other cannot say.
        """
        ...

    def event(self, data: bytes) -> bytes:
        """Translate the data of one event to the events of the client's dialect that follow from it; maybe none.

        Raises
        ------
        ValueError, KeyError, TypeError
            As above.
        """
        ...

    def end(self) -> bytes:
        """Return what is still to be said when the stream has ended."""
        ...
