"""Conversations stay with their arm, because another arm would lose the provider's prompt cache.

A conversation is identified in one of two ways.

- The client names it in the header ``x-pointsman-session``.
- Otherwise by its messages. Each turn sends all previous turns, so the messages before the last one of the assistant
  are exactly those of the previous turn. When a turn is served, the digest of its messages is remembered; the next turn
  looks it up. A provider's prompt cache uses the same prefix: when a client changes or shortens the history, the cache
  is lost anyway, and another arm costs nothing.

The digest covers the caller (the API key, ``user``, ``prompt_cache_key``, ``metadata.user_id``), the instructions, and
roles, texts and all other fields of the messages except ``cache_control``, which clients move from turn to turn. Only
digests are stored.

A conversation that names no tier stays with its tier too, because the arm belongs to the tier; both are remembered.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from hashlib import blake2b
from time import monotonic
from typing import Any, NamedTuple

import msgspec

from pointsman.core.bandit import Arm
from pointsman.llm.request import ChatRequest
from pointsman.runtime.breaker import Breaker
from pointsman.runtime.store.errors import StateError
from pointsman_gateway.backends import QUICK_TIMEOUT_MS, Backends
from pointsman_gateway.chat.request.session_store import PreviousTurn, SessionStore, StoredSession

MAX_REMEMBERED = 50_000
"""Conversations in memory, about 300 bytes each; the store has all of them."""
MAX_UNWRITTEN = 10_000
WRITE_INTERVAL_S = 0.05
STORE_RETRY_INTERVAL_S = 1.0
DIGEST_BYTES = 16

_AUTO = ".auto"
"""Stands for the tier of conversations that name none; not a valid tier name."""

_encoder = msgspec.json.Encoder(order="sorted")


class Conversation(NamedTuple):
    """The digests of a request.

    Attributes
    ----------
    previous : str or None
        Digest of the previous turn; None for a first turn.
    current : str
        Digest of this turn.
    """

    previous: str | None
    current: str


class Conversations:
    """Remembers which arm served which conversation: in memory, and in the store for the other gateways.

    Without the store only the memory is used. A request never waits for the store longer than `QUICK_TIMEOUT_MS`.
    """

    def __init__(self, backends: Backends) -> None:
        self._ttl_s = backends.config.llm.session_ttl_s
        self._store = SessionStore(backends.quick_store)
        self._breaker = Breaker(STORE_RETRY_INTERVAL_S)
        self._remembered: OrderedDict[tuple[str, str], tuple[PreviousTurn, float]] = OrderedDict()
        self._unwritten: dict[tuple[str, str], StoredSession] = {}
        self._write_scheduled = False
        self._writing: set[asyncio.Task[None]] = set()

    def identify(self, request: ChatRequest, key_id: str) -> Conversation | None:
        """Return the digests of a request; None when conversations are not remembered at all.

        Parameters
        ----------
        key_id : str
            Id of the API key; empty without one.
        """
        if not self._ttl_s:
            return None
        if request.session is not None:
            digest = blake2b(
                request.session, digest_size=DIGEST_BYTES, person=b"session", key=key_id.encode()
            ).hexdigest()
            return Conversation(digest, digest)
        return _by_prefix(request, key_id)

    async def previous_arm(self, tier: str, conversation: Conversation | None) -> Arm | None:
        """Return the arm that served the previous turn, if known."""
        previous = await self._previous(tier, conversation)
        return None if previous is None else previous.arm

    async def previous_auto_turn(self, conversation: Conversation | None) -> PreviousTurn | None:
        """Return the previous turn of a conversation that names no tier, if known."""
        return await self._previous(_AUTO, conversation)

    def remember(self, tier: str, conversation: Conversation | None, arm: Arm, *, auto: bool = False) -> None:
        """Remember which arm served this turn; the store is written in the background.

        Parameters
        ----------
        auto : bool
            The request names no tier.
        """
        if conversation is None:
            return
        key = _AUTO if auto else tier, conversation.current
        self._remembered[key] = PreviousTurn(tier, arm), monotonic() + self._ttl_s
        self._remembered.move_to_end(key)
        if len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)
        if len(self._unwritten) < MAX_UNWRITTEN:
            self._unwritten[key] = StoredSession(tier, conversation.current, arm, auto)
        if not self._write_scheduled:
            self._write_scheduled = True
            task = asyncio.create_task(self._write(), name="write sessions")
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)

    async def close(self) -> None:
        """Write what is pending."""
        if self._writing:
            await asyncio.wait(self._writing)

    async def _previous(self, tier: str, conversation: Conversation | None) -> PreviousTurn | None:
        if conversation is None or conversation.previous is None:
            return None
        key = tier, conversation.previous
        known = self._remembered.get(key)
        if known is not None:
            previous, expires_s = known
            if monotonic() < expires_s:
                return previous
            del self._remembered[key]
        return await self._load(*key)

    async def _load(self, tier: str, digest: str) -> PreviousTurn | None:
        started_s = monotonic()
        if not self._breaker.admits(started_s, QUICK_TIMEOUT_MS / 1000.0):
            return None
        try:
            async with asyncio.timeout(QUICK_TIMEOUT_MS / 1000.0):
                if tier == _AUTO:
                    found = await self._store.auto(digest)
                else:
                    arm = await self._store.arm(tier, digest)
                    found = None if arm is None else PreviousTurn(tier, arm)
        except (StateError, TimeoutError):
            self._breaker.failed(started_s, monotonic())
            return None
        except BaseException:  # the client disconnected, which is not a failure of the store
            self._breaker.abandoned()
            raise
        self._breaker.succeeded(monotonic())
        return found

    async def _write(self) -> None:
        """Write in batches: a command for each request would cost more than its decision."""
        await asyncio.sleep(WRITE_INTERVAL_S)
        self._write_scheduled = False
        sessions, self._unwritten = self._unwritten, {}
        started_s = monotonic()
        if not self._breaker.admits(started_s, QUICK_TIMEOUT_MS / 1000.0):
            return
        try:
            await self._store.remember(sessions.values(), self._ttl_s)
        except StateError:
            self._breaker.failed(started_s, monotonic())
        else:
            self._breaker.succeeded(monotonic())


def _by_prefix(request: ChatRequest, key_id: str) -> Conversation:
    body = request.body
    metadata = body.get("metadata")
    caller = [key_id, body.get("user"), body.get("prompt_cache_key")]
    caller.append(metadata.get("user_id") if isinstance(metadata, dict) else None)
    digest = blake2b(_encoder.encode(caller), digest_size=DIGEST_BYTES)
    _add(digest, _parts(body.get("system")))
    messages: list[dict[str, Any]] = body["messages"]
    last = next((at for at in range(len(messages) - 1, -1, -1) if messages[at].get("role") == "assistant"), None)
    previous = None
    for at, message in enumerate(messages):
        if at == last:
            previous = digest.hexdigest()
        content = message.get("content")
        if isinstance(content, str) and len(message) == 2:  # the usual case, inlined
            role, text = str(message.get("role")).encode(), content.encode()
            digest.update(b"%d:%b%d:%b|" % (len(role), role, len(text), text))
        else:
            _add(digest, _message(message))
    return Conversation(previous, digest.hexdigest())


def _message(message: dict[str, Any]) -> Iterable[bytes]:
    yield str(message.get("role")).encode()
    yield from _parts(message.get("content"))
    for name in ("tool_calls", "tool_call_id", "name"):
        if message.get(name) is not None:
            yield _encoder.encode(message[name])


def _parts(content: Any) -> Iterable[bytes]:
    """Yield the parts of a content; a text and a list with one text yield the same."""
    if isinstance(content, str):
        yield content.encode()
    elif isinstance(content, list):
        for part in content:
            if isinstance(part, dict):
                if part.get("type") == "text" and isinstance(part.get("text"), str):
                    yield part["text"].encode()
                else:
                    yield _encoder.encode({name: value for name, value in part.items() if name != "cache_control"})
            else:
                yield _encoder.encode(part)
    elif content is not None:
        yield _encoder.encode(content)


def _add(digest: blake2b, parts: Iterable[bytes]) -> None:
    """Add the parts of a message with their lengths, so that different splits have different digests."""
    for part in parts:
        digest.update(b"%d:" % len(part))
        digest.update(part)
    digest.update(b"|")
