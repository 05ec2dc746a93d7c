"""Checks of the streams ALERTS and DEAD."""

import asyncio
import time

from pointsman.cli.commands.doctor.finding import Finding
from pointsman.cli.commands.doctor.inspection import Inspection
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import decode
from pointsman.contracts.messages.errors import MessageError
from pointsman.contracts.messages.notices import Alert, alert_decoder
from pointsman.runtime.bus import StoredMessage

MAX_READ = 100
RECENT_S = 24 * 3600.0
MAX_TEXT = 200
NEWS = ("promotion", "report")
"""Kinds of alerts that report what happened; no operator is needed."""


async def check_alerts(inspection: Inspection) -> list[Finding]:
    """Show the last alert of each kind and tier of the last day."""
    bus = inspection.bus
    if bus is None:
        return []
    state = (await bus.info(subjects.ALERTS)).state
    sequences = range(state.last_seq, max(state.first_seq, state.last_seq - MAX_READ + 1, 1) - 1, -1)
    messages = await asyncio.gather(*(bus.get(subjects.ALERTS, at) for at in sequences if state.messages))
    now_s = time.time()
    recent: dict[tuple[str, str], Alert] = {}
    for alert in map(_read, messages):
        if alert is not None and alert.kind not in NEWS and now_s - alert.raised_at_ms / 1000.0 < RECENT_S:
            recent.setdefault((alert.kind, alert.tier), alert)
    if not recent:
        return [Finding("alerts", True, "none in the last day")]
    return [
        Finding(f"alert {kind}", False, f"{_age(now_s, alert)} ago: {alert.text[:MAX_TEXT]}", serious=False)
        for (kind, _), alert in recent.items()
    ]


async def check_dead_letters(inspection: Inspection) -> list[Finding]:
    """Check that there are no messages that could not be processed."""
    if inspection.bus is None:
        return []
    counts = await inspection.bus.subjects(subjects.DEAD, subjects.STREAM_SUBJECTS[subjects.DEAD])
    if not counts:
        return [Finding("dead letters", True, "none")]
    detail = ", ".join(f"{subject.partition('.')[2].upper()} {count:,}" for subject, count in sorted(counts.items()))
    remedy = "see PointsmanDeadLetters in docs/how-to/operate.md"
    return [Finding("dead letters", False, f"messages that could not be read: {detail}", remedy, serious=False)]


def _read(message: StoredMessage | None) -> Alert | None:
    try:
        return None if message is None else decode(alert_decoder, message.data)
    except MessageError:
        return None


def _age(now_s: float, alert: Alert) -> str:
    age_s = now_s - alert.raised_at_ms / 1000.0
    if age_s < 120.0:
        return f"{age_s:.0f} s"
    return f"{age_s / 60.0:.0f} min" if age_s < 7200.0 else f"{age_s / 3600.0:.0f} h"
