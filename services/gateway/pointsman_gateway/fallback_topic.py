"""The topic ``fallbacks.<tier>`` of decisions that no policy made."""

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
"""Header by which a gateway recognizes its own messages."""
MAX_UNSENT = 1024
"""Most events that wait to be sent; the oldest are dropped first."""

Listener = Callable[[bytes], None]


class FallbackTopic:
    """Publishes and receives degraded decisions.

    Listeners of this gateway receive its events directly, also without NATS; other gateways receive them over NATS.
    Own events that NATS delivers are ignored, so that a listener receives each event once. A request never waits for
    this topic."""

    def __init__(self, backends: Backends) -> None:
        self._backends = backends
        self._sender = new_nonce()
        self._listeners: dict[object, tuple[str | None, Listener]] = {}
        self._unsent: deque[tuple[str, bytes]] = deque(maxlen=MAX_UNSENT)
        self._sending: asyncio.Task[None] | None = None

    def publish(self, decision: Decision, reason: str) -> None:
        """Publish a degraded decision, in the background."""
        connected = self._backends.bus is not None
        if not connected and not self._listeners:
            return
        event = encode(
            FallbackEvent(decided_at_ms=int(time.time() * 1000), reason=reason, **msgspec.structs.asdict(decision))
        )
        for tier, listener in self._listeners.values():
            if tier is None or tier == decision.tier:
                listener(event)
        if connected:
            self._unsent.append((subjects.fallback_topic(decision.tier), event))
            if self._sending is None or self._sending.done():
                self._sending = asyncio.create_task(self._send(), name="publish fallbacks")

    def listen(self, tier: str | None, listener: Listener) -> Callable[[], None]:
        """Call a function with this gateway's events of a tier, or of all; return a function that ends it."""
        key = object()
        self._listeners[key] = (tier, listener)

        def remove() -> None:
            self._listeners.pop(key, None)

        return remove

    async def subscribe(self, bus: Bus, tier: str | None, listener: Listener) -> Subscription:
        """Call a function with other gateways' events of a tier, or of all."""

        async def on_message(message: Message) -> None:
            if (message.headers or {}).get(SENDER) != self._sender:
                listener(message.data)

        subject = subjects.ANY_FALLBACK if tier is None else subjects.fallback_topic(tier)
        return await bus.subscribe(subject, on_message)

    async def _send(self) -> None:
        """Send all waiting events; without a connection they are dropped, because they are only of use at once."""
        while self._unsent:
            subject, event = self._unsent.popleft()
            bus = self._backends.bus
            if bus is None:
                self._unsent.clear()
                return
            try:
                await bus.publish(subject, event, {SENDER: self._sender})
            except BusUnavailable as error:
                log.debug("a fallback could not be published: %s", error)
