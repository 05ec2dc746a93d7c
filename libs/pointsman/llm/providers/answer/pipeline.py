"""What happens to the bytes of a stream between provider and client: recorded, and filtered or translated if needed."""

from __future__ import annotations

from collections.abc import Callable

from pointsman.llm.answers.recorder import AnswerReader
from pointsman.llm.answers.translator import AnswerTranslator
from pointsman.llm.providers.dialects.sse import Event, Framing

MAX_EVENTS = 1_000_000
"""Most events of a stream; some providers send one for each token."""
MAX_EMPTY_EVENTS = 20_000
"""Most events of a stream that hold nothing of the answer, such as comments, or that are not readable."""


class StreamPipeline:
    """One stream from the provider to the client.

    Unchanged, every complete event is passed on as received and only copies are read. With ``drops_usage``, an event
    that holds nothing but a usage that the client did not request is dropped. With a translator, the client receives
    the events of its own dialect. ``redacted`` removes secrets from error events. Half an event is never passed on:
    whatever fails, the error is an event of its own.

    Attributes
    ----------
    recorder: What is known of the answer.
    events: Number of complete events so far.
    """

    def __init__(
        self,
        framing: Framing,
        reader: AnswerReader,
        *,
        drops_usage: bool = False,
        translator: AnswerTranslator | None = None,
        redacted: Callable[[bytes], bytes] = bytes,
    ) -> None:
        self._framing = framing
        self._reader = reader
        self._drops_usage = drops_usage
        self._translator = translator
        self._redacted = redacted
        self.recorder = reader.recorder
        self.events = 0

    @property
    def failed(self) -> bool:
        """Whether an error event has not been sent to the client; without a translator it was passed on."""
        return self._translator is not None and self.recorder.error is not None

    def feed(self, data: bytes) -> bytes:
        """Add bytes of the provider; return those for the client.

        A stream that is not readable raises one of `UNREADABLE`; an untranslated one only for an event that is too
        long, or for too many events.
        """
        had_error = self.recorder.error is not None
        events = self._framing.feed(data)
        self.events += len(events)
        out = self._process(events)
        if self.events > MAX_EVENTS or self.events - self.recorder.filled_events > MAX_EMPTY_EVENTS:
            raise ValueError("too many events")
        return self._redacted(out) if had_error or self.recorder.error is not None else out

    def end(self) -> bytes:
        """Return what is left for the client when the provider's stream has ended."""
        rest = self._framing.end()
        # Nothing belongs to the answer after its end.
        out = self._process(rest) if not (self.recorder.ended or self.recorder.cut) else b""
        if self._translator is None or self.recorder.error is not None or self.recorder.cut:
            return out
        return out + self._translator.end()

    def _process(self, events: list[Event]) -> bytes:
        if self._translator is not None:
            return self._translate(self._translator, events)
        out = []
        for event, data in events:
            if data is None:
                out.append(event)
                continue
            self._reader.event(data)
            if self.recorder.cut:
                break
            if not (self._drops_usage and self._reader.only_usage):
                out.append(event)
        return b"".join(out)

    def _translate(self, translator: AnswerTranslator, events: list[Event]) -> bytes:
        out = []
        for _, data in events:
            if data is None or self.recorder.error is not None:
                continue
            pieces = self._reader.event(data)
            if self.recorder.malformed:
                raise ValueError("an event is not readable")
            if self.recorder.error is None and not self.recorder.cut:
                out.append(translator.event(data, pieces))
        return b"".join(out)
