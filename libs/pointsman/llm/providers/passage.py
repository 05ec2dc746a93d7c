"""How the bytes of a stream pass: noted, and translated or filtered where that has to be."""

from __future__ import annotations

from collections.abc import Callable

from pointsman.llm.providers.observation import Observer
from pointsman.llm.providers.wire import Framing
from pointsman.llm.translate.answers import AnswerTranslator


class Passage:
    """One stream on its way from the provider to the client.

    Untouched, every event goes on as it came, when it is whole, and only copies are looked at. Stripped, one that holds
    nothing but a usage that the client did not ask for stays here. Translated, the client gets the events of its own
    dialect. An error that comes as an event goes on without our secrets. Half an event never goes on: whatever breaks,
    what is said of it to the client is an event of its own.

    Parameters
    ----------
    framing : Framing
    observer : Observer
    strips : bool
    translator : AnswerTranslator, optional
    redacted : callable
        Takes secrets out of an error that comes as an event.
    """

    def __init__(
        self,
        framing: Framing,
        observer: Observer,
        *,
        strips: bool = False,
        translator: AnswerTranslator | None = None,
        redacted: Callable[[bytes], bytes] = bytes,
    ) -> None:
        self._framing = framing
        self._observe = observer.event
        self._strips = strips
        self._translator = translator
        self._redacted = redacted
        self.notes = observer.notes

    @property
    def failed(self) -> bool:
        """Whether an error came that the client has not been told; untranslated, it went on as it was."""
        return self._translator is not None and self.notes.error is not None

    def feed(self, data: bytes) -> bytes:
        """Take bytes of the provider; return those for the client.

        Raises
        ------
        ValueError, LookupError, TypeError, AttributeError
            The stream cannot be read. An untouched stream raises only when an event is longer than can be.
        """
        well = self.notes.error is None
        passed = self._pass(self._framing.feed(data))
        return passed if well and self.notes.error is None else self._redacted(passed)

    def end(self) -> bytes:
        """Return what is left for the client when the provider's stream has ended."""
        passed = self._pass(self._framing.end())
        if self._translator is None or self.notes.error is not None:
            return passed
        return passed + self._translator.end()

    def _pass(self, events: list[tuple[bytes, bytes | None]]) -> bytes:
        """Look at events; return those for the client."""
        if self._translator is not None:
            return self._translated(self._translator, events)
        if self._strips:
            return b"".join([event for event, said in events if said is None or not self._observe(said)])
        for _, said in events:
            if said is not None:
                self._observe(said)
        return b"".join([event for event, _ in events])

    def _translated(self, translator: AnswerTranslator, events: list[tuple[bytes, bytes | None]]) -> bytes:
        out = []
        for _, said in events:
            if said is None or self.notes.error is not None:
                continue
            self._observe(said)
            if self.notes.error is None:
                out.append(translator.event(said))
        return b"".join(out)
