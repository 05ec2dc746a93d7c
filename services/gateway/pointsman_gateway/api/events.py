"""``GET /v1/events/decisions``: decisions and degraded decisions as server-sent events."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pointsman.contracts.messages.subjects import ANY_DECISION, decision_topic
from pointsman.runtime.bus import Bus, BusUnavailable, Message, Subscription
from pointsman_gateway.api.decisions.decide import EXAMPLE_ID
from pointsman_gateway.api.parameters import TierFilter
from pointsman_gateway.backends import Backends
from pointsman_gateway.fallback_topic import FallbackTopic
from pointsman_gateway.http.authentication import Authenticator
from pointsman_gateway.http.endpoint import AnswerType, HttpEndpoint
from pointsman_gateway.http.problems import ProblemError
from pointsman_gateway.http.response import EVENT_STREAM

HEARTBEAT_INTERVAL_S = 10.0
MAX_CLIENTS = 100
MAX_QUEUED = 256
RECONNECT_MS = 2000
POLL_INTERVAL_S = 0.25
FLUSH_TIMEOUT_S = 2
_EXAMPLE = (
    f'event: decision\nid: {EXAMPLE_ID}\ndata: {{"decision_id":"{EXAMPLE_ID}","tier":"SIMPLE"}}\n\n'
    "event: fallback\nid: fallback.SIMPLE.3c6e0b8a9c15224a\n"
    'data: {"decision_id":"fallback.SIMPLE.3c6e0b8a9c15224a","tier":"SIMPLE","reason":"no_replica"}\n\n'
)

Write = Callable[[bytes], Awaitable[None]]


class _EventId(msgspec.Struct):
    decision_id: str = ""


_id_decoder = msgspec.json.Decoder(_EventId)


class EventQueue:
    """Events that wait to be sent to one client. A slow client loses the oldest ones, and receives their number."""

    def __init__(self, size: int = MAX_QUEUED) -> None:
        self._events: deque[tuple[str, bytes]] = deque()
        self._size = size
        self._dropped = 0
        self._ready = asyncio.Event()

    def put(self, name: str, event: bytes) -> None:
        """Add an event: its name, ``decision`` or ``fallback``, and the message of its topic."""
        if len(self._events) >= self._size:
            self._events.popleft()
            self._dropped += 1
        self._events.append((name, event))
        self._ready.set()

    def wake(self) -> None:
        """End the wait of `get`, also without an event."""
        self._ready.set()

    async def get(self, timeout_s: float) -> bytes:
        """Return all waiting events in the format of an event stream; empty when none arrives in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._ready.wait()
        self._ready.clear()
        parts = []
        if self._dropped:
            parts.append(b'event: dropped\ndata: {"count":%d}\n\n' % self._dropped)
            self._dropped = 0
        parts += [format_event(name, event) for name, event in self._events]
        self._events.clear()
        return b"".join(parts)


def format_event(name: str, event: bytes) -> bytes:
    """Return a message as one server-sent event; empty when it is not a decision, because anyone can publish one."""
    try:
        event.decode()  # the decoder does not validate the text of fields that it skips
        decision_id = _id_decoder.decode(event).decision_id
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return b""
    if any(not character.isprintable() for character in decision_id) or b"\n" in event or b"\r" in event:
        return b""
    return b"event: %s\nid: %s\ndata: %s\n\n" % (name.encode(), decision_id.encode(), event)


class EventsQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query parameters."""

    tier: TierFilter = None


class DecisionEventsHandler:
    """Streams decisions and degraded decisions to clients, each with its own subscriptions."""

    def __init__(self, backends: Backends, authenticator: Authenticator, fallback_topic: FallbackTopic) -> None:
        self._backends = backends
        self._authenticator = authenticator
        self._fallback_topic = fallback_topic
        self._clients = 0

    @HttpEndpoint(
        "GET /v1/events/decisions",
        name="streamDecisions",
        tag="insight",
        scope="read",
        summary="Stream decisions as they are made",
        description="Events: `decision`, whose data is a decision as in the log and whose id is the decision id; "
        "`fallback`, a degraded answer, which no policy chose, with the `reason`; `dropped`, with the `count` of "
        "events that this client was too slow for. A comment is sent at least every 10 seconds. Without NATS, the "
        "stream has only the degraded answers of this gateway, because all other answers arrive "
        "over NATS.",
        query=EventsQuery,
        answers={200: AnswerType("Server-sent events", text=(EVENT_STREAM,), example=_EXAMPLE)},
        problems=(404, 503),
    )
    async def get(self, _: Request, query: EventsQuery) -> Response:
        """Answer one request."""
        tier = self._backends.require_tier(query.tier) if query.tier is not None else None
        if self._clients >= MAX_CLIENTS:
            raise ProblemError(503, f"{MAX_CLIENTS} clients are connected already", headers=(("retry-after", "5"),))
        return _EventStream(self, tier)

    async def stream(self, tier: str | None, scope: Scope, receive: Receive, write: Write) -> None:
        """Write the events of a tier, or of all, until client or gateway disconnect or the key is revoked."""
        queue = EventQueue()

        async def on_decision(message: Message) -> None:
            queue.put("decision", message.data)

        def on_fallback(event: bytes) -> None:
            queue.put("fallback", event)

        subject = ANY_DECISION if tier is None else decision_topic(tier)
        self._clients += 1
        ends = [asyncio.create_task(self._backends.closing.wait()), asyncio.create_task(_disconnected(receive))]
        for end in ends:
            end.add_done_callback(lambda _: queue.wake())
        subscriptions: list[Subscription] = []
        subscribed: Bus | None = None
        remove_listener = self._fallback_topic.listen(tier, on_fallback)
        try:
            await write(b"retry: %d\n\n" % RECONNECT_MS)
            while not any(end.done() for end in ends):
                if (bus := self._backends.bus) is not None and bus is not subscribed:
                    subscriptions, subscribed = [], bus
                    subscriptions.append(await bus.subscribe(subject, on_decision))
                    subscriptions.append(await self._fallback_topic.subscribe(bus, tier, on_fallback))
                    with contextlib.suppress(BusUnavailable):
                        await bus.flush(FLUSH_TIMEOUT_S)  # no later event is missed
                    await write(b": listening\n\n")
                # The NATS client restores subscriptions after a reconnect. After NATS has closed a connection for good,
                # the loop subscribes again on the next one.
                events = await queue.get(HEARTBEAT_INTERVAL_S if subscribed is not None else POLL_INTERVAL_S)
                if not self._authenticator.is_key_valid(scope):
                    break
                if events:
                    await write(events)
                elif subscribed is not None:
                    await write(b": heartbeat\n\n")
        finally:
            remove_listener()
            self._clients -= 1
            for end in ends:
                end.cancel()
            for subscription in subscriptions:
                await subscription.unsubscribe()


class _EventStream(Response):
    """The streaming response. It is not a generator, so that its cleanup always runs."""

    def __init__(self, events: DecisionEventsHandler, tier: str | None) -> None:
        super().__init__(media_type=EVENT_STREAM, headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        self._events = events
        self._tier = tier
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def write(data: bytes) -> None:
            await send({"type": "http.response.body", "body": data, "more_body": True})

        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        if scope["method"] != "HEAD":
            await self._events.stream(self._tier, scope, receive, write)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
