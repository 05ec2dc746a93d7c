"""Publisher of alerts that are raised once per state, even after a crash or by two processes at once."""

from typing import Any

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import decode
from pointsman.contracts.messages.errors import MessageError
from pointsman.contracts.messages.notices import alert_decoder
from pointsman.runtime.bus import Bus, WrongSequence
from pointsman.runtime.bus.notices import publish_alert
from pointsman.runtime.store.store import Store
from pointsman.runtime.telemetry.logs import logger
from pointsman.shadow.sums.store import ShadowStore
from pointsman_shadow_evaluator.log_reading import SERVICE

log = logger("shadow_evaluator.alerts")

STATE = "state"
"""The field of an alert's detail that holds the state."""


class AlertPublisher:
    """One kind of alert of one tier.

    The last alert on the subject holds the state that it was about, and the next one is appended only if that is still
    the last: of two processes one is refused, and a process that starts after a crash finds what was published. The
    store holds the state too, for when the stream has dropped the alert because of its age.
    """

    def __init__(self, bus: Bus, store: Store, tier: str, kind: str) -> None:
        self._bus = bus
        self._store = ShadowStore(store, tier)
        self._subject = subjects.alert(kind, tier)
        self._sequence = 0
        self._tier, self._kind = tier, kind

    async def state(self) -> str:
        """Return the state of the last alert; empty if there was none."""
        stored = await self._bus.last(subjects.ALERTS, self._subject)
        self._sequence = stored.sequence if stored else 0
        if stored is not None:
            try:
                state = (decode(alert_decoder, stored.data).detail or {}).get(STATE)
                if isinstance(state, str):
                    return state
            except MessageError as error:
                log.warning("%s: the last alert is invalid: %s", self._subject, error)
        return await self._store.alert_state(self._kind)

    async def publish(self, state: str, text: str, detail: dict[str, Any]) -> bool:
        """Publish an alert unless another process did since `state` was called; return whether it was published."""
        expected = {"Nats-Expected-Last-Subject-Sequence": str(self._sequence)}
        detail = {STATE: state, **detail}
        try:
            appended = await publish_alert(
                self._bus, self._kind, self._tier, text, SERVICE, detail=detail, headers=expected
            )
        except WrongSequence:
            log.info("%s: another process has published it", self._subject)
            return False
        self._sequence = appended.sequence
        await self._store.set_alert_state(self._kind, state)
        return True
