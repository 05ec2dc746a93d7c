"""How the bytes of a stream pass: noted, and translated or filtered where that has to be."""

from __future__ import annotations

from collections.abc import Callable

from pointsman.providers.observation import Observer
from pointsman.providers.translate.answers import AnswerTranslator
from pointsman.providers.wire import Framing


class Passage:
    """One stream on its way from the provider to the client.

    Untouched, every byte goes on as it came, and only copies are looked at. By event, an event goes on when it is
    whole, and one that holds nothing but a usage that the client did not ask for stays here. Translated, the client
    gets the events of its own dialect. An error that comes as an event goes on without our secrets.

    Parameters
    ----------
    framing : Framing
    observer : Observer
    by_event : bool
    translator : AnswerTranslator, optional
    redacted : callable
        Takes secrets out of an error that comes as an event.
    """

    def __init__(
        self,
        framing: Framing,
        observer: Observer,
        *,
        by_event: bool = False,
        translator: AnswerTranslator | None = None,
        redacted: Callable[[bytes], bytes] = bytes,
    ) -> None:
        self._framing = framing
        self._observe = observer.event
        self._by_event = by_event
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
        passed = data if passed is None else passed
        return passed if well and self.notes.error is None else self._redacted(passed)

    def end(self) -> bytes:
        """Return what is left for the client when the provider's stream has ended."""
        passed = self._pass(self._framing.end()) or b""
        if self._translator is None or self.notes.error is not None:
            return passed
        return passed + self._translator.end()

    def _pass(self, events: list[tuple[bytes, bytes | None]]) -> bytes | None:
        """Look at events; return those for the client, or None when their bytes are passed on as they come."""
        if self._translator is not None:
            return self._translated(self._translator, events)
        if self._by_event:
            return b"".join([event for event, said in events if said is None or not self._observe(said)])
        for _, said in events:
            if said is not None:
                self._observe(said)
        return None

    def _translated(self, translator: AnswerTranslator, events: list[tuple[bytes, bytes | None]]) -> bytes:
        out = []
        for _, said in events:
            if said is None or self.notes.error is not None:
                continue
            self._observe(said)
            if self.notes.error is None:
                out.append(translator.event(said))
        return b"".join(out)
