"""Recorded files of picks and updates."""

import msgspec

from pointsman.contracts.messages.decision import Candidate


class RecordingError(Exception):
    """The file is not a recording; the text has the place."""


class ExpectedArm(msgspec.Struct, frozen=True):
    """The choice that a pick is compared with."""

    provider: str
    model: str


class Pick(msgspec.Struct, frozen=True, tag="pick", tag_field="op"):
    """A request for a decision."""

    tier: str
    context: list[float]
    candidates: list[Candidate] | None = None
    expect: ExpectedArm | None = None


class Update(msgspec.Struct, frozen=True, tag="update", tag_field="op"):
    """The outcome of the last pick of the tier."""

    tier: str
    provider: str | None = None
    model: str | None = None
    reward: float | None = None
    quality: float | None = None
    cost_usd: float | None = None
    latency_ms: float | None = None

    def outcome(self, decision_id: str) -> dict[str, object]:
        """Return the body of the report. A reward is clamped to 0 to 100, as the API requires."""
        values = {name: getattr(self, name) for name in ("quality", "cost_usd", "latency_ms")}
        if self.reward is not None:
            values = {"reward": min(max(self.reward, 0.0), 100.0)}
        return {"decision_id": decision_id, **{name: value for name, value in values.items() if value is not None}}


class _Document(msgspec.Struct, frozen=True):
    events: list[Pick | Update]


class ReplayStep(msgspec.Struct, frozen=True):
    """A pick, and the update that follows it, if any.

    Attributes
    ----------
    event: Position of the pick in the file, from 1.
    """

    event: int
    pick: Pick
    update: Update | None = None


class Recording(msgspec.Struct, frozen=True):
    """Steps in the order of the picks, and the number of updates without a pick of their own."""

    steps: list[ReplayStep]
    stray_updates: int


def read_recording(data: bytes) -> Recording:
    """Read a recording in either form. Raise `RecordingError` on failure."""
    return arrange(_read_events(data))


def arrange(events: list[Pick | Update]) -> Recording:
    """Join each update with its pick: the last one of its tier."""
    steps: list[ReplayStep] = []
    open_steps: dict[str, int] = {}
    stray = 0
    for number, event in enumerate(events, 1):
        if isinstance(event, Pick):
            open_steps[event.tier] = len(steps)
            steps.append(ReplayStep(number, event))
        elif (at := open_steps.pop(event.tier, None)) is not None:
            steps[at] = msgspec.structs.replace(steps[at], update=event)
        else:
            stray += 1
    return Recording(steps, stray)


def _read_events(data: bytes) -> list[Pick | Update]:
    lines = [line for line in data.splitlines() if line.strip()]
    try:
        # One object per line. A document on one line has no "op"; one on several lines has no object on the first.
        if lines and "op" in msgspec.json.decode(lines[0]):
            return _read_lines(data)
    except (msgspec.MsgspecError, TypeError):
        pass
    try:
        return msgspec.json.decode(data, type=_Document).events
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RecordingError(f"expected one event per line, or a document with events: {error}") from error


def _read_lines(data: bytes) -> list[Pick | Update]:
    decoder = msgspec.json.Decoder(Pick | Update)
    events = []
    for number, line in enumerate(data.splitlines(), 1):
        if line.strip():
            try:
                events.append(decoder.decode(line))
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise RecordingError(f"line {number}: {error}") from error
    return events
