"""Conversations stay with their arm: leaving it loses the provider's prompt cache.

A conversation is known in one of two ways.

- The client names it, in the header ``x-pointsman-session``.
- Otherwise by what was said. Each turn sends all turns before it, so the messages before the last one of the assistant
  are those of the turn before, to the letter. What a turn was asked is remembered by its digest when it is served, and
  looked up by the next. That is the very prefix which a provider's prompt cache goes by: where a client changes or
  shortens the history, the cache is lost too, and nothing speaks against another arm.

The digest covers who asks (the API key, ``user``, ``prompt_cache_key``, ``metadata.user_id``), the instructions, roles,
texts and everything else in the messages but ``cache_control``, which clients move about from turn to turn. Nothing
but digests is kept.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from hashlib import blake2b
from time import monotonic
from typing import Any, NamedTuple

import msgspec

from pointsman.bandit import Arm
from pointsman.resilience import Breaker
from pointsman.state import Session, SessionStore, StateError
from services.gateway.backends import QUICK_MS, Backends
from services.gateway.llm.requests import ChatRequest

MAX_REMEMBERED = 50_000
"""Conversations in memory, some 300 bytes each; the store has them all."""
MAX_UNWRITTEN = 10_000
WRITE_EVERY_S = 0.05
STORE_PAUSE_S = 1.0
DIGEST_BYTES = 16

_encoder = msgspec.json.Encoder(order="sorted")


class Conversation(NamedTuple):
    """The digests of a request.

    Attributes
    ----------
    before : str or None
        By which the arm of the turn before was remembered; None for a first turn.
    now : str
        By which this turn's is.
    """

    before: str | None
    now: str


class Affinity:
    """Remembers which arm served which conversation: in memory, and in the store for the other gateways.

    Without the store it is the memory alone. A request never waits for the store longer than `QUICK_MS`.

    Parameters
    ----------
    backends : Backends
    """

    def __init__(self, backends: Backends) -> None:
        self._ttl_s = backends.config.llm.session_ttl_s
        self._store = SessionStore(backends.quick_store)
        self._breaker = Breaker(STORE_PAUSE_S)
        self._remembered: OrderedDict[tuple[str, str], tuple[Arm, float]] = OrderedDict()
        self._unwritten: dict[tuple[str, str], Arm] = {}
        self._writing: asyncio.Task[None] | None = None

    def conversation(self, request: ChatRequest, who: str) -> Conversation | None:
        """Return the digests of a request; None when conversations are not remembered at all.

        Parameters
        ----------
        who : str
            The id of the API key; empty without one.
        """
        if not self._ttl_s:
            return None
        if request.session is not None:
            digest = blake2b(request.session, digest_size=DIGEST_BYTES, person=b"session", key=who.encode()).hexdigest()
            return Conversation(digest, digest)
        return _by_prefix(request, who)

    async def arm(self, tier: str, conversation: Conversation | None) -> Arm | None:
        """Return the arm that served the turn before, if that is known."""
        if conversation is None or conversation.before is None:
            return None
        key = tier, conversation.before
        known = self._remembered.get(key)
        if known is not None:
            arm, until_s = known
            if monotonic() < until_s:
                return arm
            del self._remembered[key]
        return await self._ask_store(*key)

    def remember(self, tier: str, conversation: Conversation | None, arm: Arm) -> None:
        """Note who served this turn; the store is told in the background."""
        if conversation is None:
            return
        key = tier, conversation.now
        self._remembered[key] = arm, monotonic() + self._ttl_s
        self._remembered.move_to_end(key)
        if len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)
        if len(self._unwritten) < MAX_UNWRITTEN:
            self._unwritten[key] = arm
        if self._writing is None:
            self._writing = asyncio.create_task(self._write(), name="write sessions")

    async def close(self) -> None:
        """Write what is not written yet."""
        if self._writing is not None:
            await self._writing

    async def _ask_store(self, tier: str, digest: str) -> Arm | None:
        asked_s = monotonic()
        if not self._breaker.admits(asked_s, QUICK_MS / 1000.0):
            return None
        try:
            async with asyncio.timeout(QUICK_MS / 1000.0):
                arm = await self._store.arm(tier, digest)
        except (StateError, TimeoutError):
            self._breaker.failed(asked_s, monotonic())
            return None
        self._breaker.succeeded(monotonic())
        return arm

    async def _write(self) -> None:
        """Write what gathers in a moment in one go: a command for each request would cost more than deciding."""
        await asyncio.sleep(WRITE_EVERY_S)
        self._writing = None
        sessions, self._unwritten = self._unwritten, {}
        asked_s = monotonic()
        if not self._breaker.admits(asked_s, QUICK_MS / 1000.0):
            return
        try:
            await self._store.remember([Session(*key, arm) for key, arm in sessions.items()], self._ttl_s)
        except StateError:
            self._breaker.failed(asked_s, monotonic())
        else:
            self._breaker.succeeded(monotonic())


def _by_prefix(request: ChatRequest, who: str) -> Conversation:
    body = request.body
    metadata = body.get("metadata")
    asker = [who, body.get("user"), body.get("prompt_cache_key")]
    asker.append(metadata.get("user_id") if isinstance(metadata, dict) else None)
    digest = blake2b(_encoder.encode(asker), digest_size=DIGEST_BYTES)
    _add(digest, _parts(body.get("system")))
    messages: list[dict[str, Any]] = body["messages"]
    last = next((at for at in range(len(messages) - 1, -1, -1) if messages[at].get("role") == "assistant"), None)
    before = None
    for at, message in enumerate(messages):
        if at == last:
            before = digest.hexdigest()
        _add(digest, _message(message))
    return Conversation(before, digest.hexdigest())


def _message(message: dict[str, Any]) -> Iterable[bytes]:
    yield str(message.get("role")).encode()
    yield from _parts(message.get("content"))
    for name in ("tool_calls", "tool_call_id", "name"):
        if message.get(name) is not None:
            yield _encoder.encode(message[name])


def _parts(content: Any) -> Iterable[bytes]:
    """Yield a text the same whether it comes as a text or as a list of one."""
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
    """Add the parts of a message, so that two that are split in other places differ."""
    for part in parts:
        digest.update(b"%d:" % len(part))
        digest.update(part)
    digest.update(b"|")
