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
from collections.abc import Iterable
from hashlib import blake2b
from time import monotonic
from typing import Any, NamedTuple

import msgspec

from pointsman.core.bandit import Arm
from pointsman.llm.request import ChatRequest
from pointsman.runtime.store.errors import StateError
from pointsman_gateway.backends import QUICK_TIMEOUT_MS, Backends
from pointsman_gateway.chat.request.session_store import PreviousTurn, SessionStore, StoredSession
from pointsman_gateway.chat.write_behind_cache import WriteBehindCache

MAX_REMEMBERED = 50_000
"""Conversations in memory, about 300 bytes each; the store has all of them."""
WRITE_INTERVAL_S = 0.05
DIGEST_BYTES = 16

_encoder = msgspec.json.Encoder(order="sorted")


class Conversation(NamedTuple):
    """The digests of the previous turn (None for a first turn) and of this turn."""

    previous: str | None
    current: str


class Conversations:
    """Remembers which arm served which conversation: in memory, and in the store for the other gateways.

    Without the store only the memory is used. A request never waits for the store longer than `QUICK_TIMEOUT_MS`.
    """

    def __init__(self, backends: Backends) -> None:
        self._ttl_s = backends.config.llm.session_ttl_s
        self._store = SessionStore(backends.quick_store)
        self._turns = WriteBehindCache[tuple[str | None, str], PreviousTurn, StoredSession](
            lambda sessions: self._store.remember(sessions, self._ttl_s), WRITE_INTERVAL_S, MAX_REMEMBERED
        )

    def identify(self, request: ChatRequest, key_id: str) -> Conversation | None:
        """Return the digests of a request of an API key (empty without one); None when nothing is to be remembered."""
        if not self._ttl_s:
            return None
        if request.session is not None:
            digest = blake2b(request.session, digest_size=DIGEST_BYTES, person=b"session", key=key_id.encode())
            return Conversation(digest.hexdigest(), digest.hexdigest())
        return _by_prefix(request, key_id)

    async def previous_arm(self, tier: str, conversation: Conversation | None) -> Arm | None:
        """Return the arm that served the previous turn, if known."""
        previous = await self._previous(tier, conversation)
        return None if previous is None else previous.arm

    async def previous_auto_turn(self, conversation: Conversation | None) -> PreviousTurn | None:
        """Return the previous turn of a conversation that names no tier, if known."""
        return await self._previous(None, conversation)

    def remember(self, tier: str, conversation: Conversation | None, arm: Arm, *, auto: bool = False) -> None:
        """Remember which arm served this turn of a conversation; ``auto`` for one that names no tier."""
        if conversation is not None:
            session = StoredSession(tier, conversation.current, arm, auto)
            key = None if auto else tier, conversation.current
            self._turns.put(key, PreviousTurn(tier, arm), self._ttl_s, session)

    async def close(self) -> None:
        """Write what is pending."""
        await self._turns.close()

    async def _previous(self, tier: str | None, conversation: Conversation | None) -> PreviousTurn | None:
        if conversation is None or conversation.previous is None:
            return None
        known = self._turns.get((tier, conversation.previous))
        if known is not None:
            return known
        breaker, started_s = self._turns.breaker, monotonic()
        if not breaker.admits(started_s, QUICK_TIMEOUT_MS / 1000.0):
            return None
        try:
            async with asyncio.timeout(QUICK_TIMEOUT_MS / 1000.0):
                found = await self._store.previous_turn(tier, conversation.previous)
        except (StateError, TimeoutError):
            breaker.failed(started_s, monotonic())
            return None
        except BaseException:  # the client disconnected, which is not a failure of the store
            breaker.abandoned()
            raise
        breaker.succeeded(monotonic())
        return found


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
