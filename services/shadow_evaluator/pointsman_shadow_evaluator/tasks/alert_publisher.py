"""Alerts that are raised once for each state that they are about, whatever crashes or runs twice."""

from __future__ import annotations

import time
from typing import Any

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import decode, encode
from pointsman.contracts.messages.errors import MessageError
from pointsman.contracts.messages.notices import Alert, alert_decoder
from pointsman.runtime.bus import Bus, WrongSequence
from pointsman.runtime.store.store import Store
from pointsman.runtime.telemetry.logs import logger
from pointsman.shadow.alerted import Alerted

log = logger("shadow_evaluator.alerts")

SERVICE = "shadow-evaluator"
STATE = "state"
"""The field of an alert's detail that names the state."""


class AlertPublisher:
    """One kind of alert of one tier.

    The last alert on the subject says which state was announced, and the next is appended only if that still is the
    last: of two evaluators one is refused, and one that comes after a crash finds what was said. The store keeps the
    state too, for when the stream has dropped the alert for its age.

    Parameters
    ----------
    bus : Bus
    store : Store
    tier, kind : str
    """

    def __init__(self, bus: Bus, store: Store, tier: str, kind: str) -> None:
        self._bus = bus
        self._alerted = Alerted(store, tier, kind)
        self._subject = subjects.alert(kind, tier)
        self._sequence = 0
        self._tier, self._kind = tier, kind

    async def state(self) -> str:
        """Return the state that was announced last; empty when none was."""
        stored = await self._bus.last(subjects.ALERTS, self._subject)
        self._sequence = stored.sequence if stored else 0
        if stored is not None:
            try:
                detail = decode(alert_decoder, stored.data).detail or {}
            except MessageError as error:
                log.warning("%s: the last alert cannot be read: %s", self._subject, error)
                detail = {}
            if isinstance(detail.get(STATE), str):
                return str(detail[STATE])
        return await self._alerted.read()

    async def announce(self, state: str, text: str, detail: dict[str, Any]) -> bool:
        """Raise the alert, unless another one was raised since `state` was called; tell whether it was raised."""
        alert = Alert(
            kind=self._kind,
            tier=self._tier,
            text=text,
            service=SERVICE,
            raised_at_ms=int(time.time() * 1000),
            detail={STATE: state, **detail},
        )
        expected = {"Nats-Expected-Last-Subject-Sequence": str(self._sequence)}
        try:
            self._sequence = (await self._bus.append(self._subject, encode(alert), headers=expected)).sequence
        except WrongSequence:
            log.info("%s: another evaluator was first", self._subject)
            return False
        await self._alerted.write(state)
        return True
