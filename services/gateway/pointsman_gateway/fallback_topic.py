"""The topic ``fallbacks.<tier>``: telling of the answers that no policy chose."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

import msgspec

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.decision import Decision, FallbackEvent
from pointsman.contracts.messages.ids import new_nonce
from pointsman.runtime.bus import Bus, BusUnavailable, Message, Subscription
from pointsman.runtime.telemetry.logs import logger
from pointsman_gateway.backends import Backends

log = logger("gateway.fallbacks")

SENDER = "Pointsman-Sender"
"""The header with which a gateway knows its own messages again."""
MAX_UNSENT = 1024
"""Most that waits for NATS to take it; the oldest are lost then."""

Hear = Callable[[bytes], None]


class FallbackTopic:
    """Tells of degraded answers, and hears of them.

    The listeners of this gateway are told at once, also without NATS; all others over NATS, while it is there. What
    NATS brings back of it is left out, so that nobody hears of an answer twice. An answer never waits for any of this.

    Parameters
    ----------
    backends : Backends
    """

    def __init__(self, backends: Backends) -> None:
        self._backends = backends
        self._own = new_nonce()
        self._listeners: dict[object, tuple[str | None, Hear]] = {}
        self._unsent: deque[tuple[str, bytes]] = deque(maxlen=MAX_UNSENT)
        self._sending: asyncio.Task[None] | None = None

    def tell(self, decision: Decision, reason: str) -> None:
        """Tell of a degraded answer that is about to be given."""
        connected = self._backends.bus is not None
        if not connected and not self._listeners:
            return
        event = encode(
            FallbackEvent(decided_at_ms=int(time.time() * 1000), reason=reason, **msgspec.structs.asdict(decision))
        )
        for tier, hear in self._listeners.values():
            if tier is None or tier == decision.tier:
                hear(event)
        if connected:
            self._unsent.append((subjects.fallback_topic(decision.tier), event))
            if self._sending is None or self._sending.done():
                self._sending = asyncio.create_task(self._send(), name="tell of fallbacks")

    def listen(self, tier: str | None, hear: Hear) -> Callable[[], None]:
        """Have a function called with what this gateway tells of a tier, or of all; return what ends that."""
        key = object()
        self._listeners[key] = (tier, hear)

        def forget() -> None:
            self._listeners.pop(key, None)

        return forget

    async def subscribe(self, bus: Bus, tier: str | None, hear: Hear) -> Subscription:
        """Have a function called with what other gateways tell of a tier, or of all."""

        async def heard(message: Message) -> None:
            if (message.headers or {}).get(SENDER) != self._own:
                hear(message.data)

        return await bus.subscribe(subjects.ANY_FALLBACK if tier is None else subjects.fallback_topic(tier), heard)

    async def _send(self) -> None:
        """Send what waits. Without a connection it is dropped: nobody wants to hear of it later."""
        while self._unsent:
            subject, event = self._unsent.popleft()
            bus = self._backends.bus
            if bus is None:
                self._unsent.clear()
                return
            try:
                await bus.publish(subject, event, {SENDER: self._own})
            except BusUnavailable as error:
                log.debug("could not tell of a fallback: %s", error)
