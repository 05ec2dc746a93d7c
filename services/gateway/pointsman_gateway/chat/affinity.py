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

A conversation that names no tier stays with its tier too: the arm, and so the cache, is the tier's. What is remembered
of it is both.
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
from pointsman_gateway.chat.session_store import Session, SessionStore

MAX_REMEMBERED = 50_000
"""Conversations in memory, some 300 bytes each; the store has them all."""
MAX_UNWRITTEN = 10_000
WRITE_EVERY_S = 0.05
STORE_PAUSE_S = 1.0
DIGEST_BYTES = 16

_AUTO = ".auto"
"""Where conversations are that name no tier; no tier can be called so."""

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


class Before(NamedTuple):
    """Who served the turn before."""

    tier: str
    arm: Arm


class Affinity:
    """Remembers which arm served which conversation: in memory, and in the store for the other gateways.

    Without the store it is the memory alone. A request never waits for the store longer than `QUICK_TIMEOUT_MS`.

    Parameters
    ----------
    backends : Backends
    """

    def __init__(self, backends: Backends) -> None:
        self._ttl_s = backends.config.llm.session_ttl_s
        self._store = SessionStore(backends.quick_store)
        self._breaker = Breaker(STORE_PAUSE_S)
        self._remembered: OrderedDict[tuple[str, str], tuple[Before, float]] = OrderedDict()
        self._unwritten: dict[tuple[str, str], Session] = {}
        self._gathering = False
        self._writing: set[asyncio.Task[None]] = set()

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
        before = await self._before(tier, conversation)
        return None if before is None else before.arm

    async def auto(self, conversation: Conversation | None) -> Before | None:
        """Return the tier and the arm of the turn before of a conversation that names no tier, if they are known."""
        return await self._before(_AUTO, conversation)

    def remember(self, tier: str, conversation: Conversation | None, arm: Arm, *, auto: bool = False) -> None:
        """Note who served this turn; the store is told in the background.

        Parameters
        ----------
        auto : bool
            The request named no tier.
        """
        if conversation is None:
            return
        key = _AUTO if auto else tier, conversation.now
        self._remembered[key] = Before(tier, arm), monotonic() + self._ttl_s
        self._remembered.move_to_end(key)
        if len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)
        if len(self._unwritten) < MAX_UNWRITTEN:
            self._unwritten[key] = Session(tier, conversation.now, arm, auto)
        if not self._gathering:
            self._gathering = True
            task = asyncio.create_task(self._write(), name="write sessions")
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)

    async def close(self) -> None:
        """Write what is not written yet."""
        if self._writing:
            await asyncio.wait(self._writing)

    async def _before(self, place: str, conversation: Conversation | None) -> Before | None:
        if conversation is None or conversation.before is None:
            return None
        key = place, conversation.before
        known = self._remembered.get(key)
        if known is not None:
            before, until_s = known
            if monotonic() < until_s:
                return before
            del self._remembered[key]
        return await self._ask_store(*key)

    async def _ask_store(self, place: str, digest: str) -> Before | None:
        asked_s = monotonic()
        if not self._breaker.admits(asked_s, QUICK_TIMEOUT_MS / 1000.0):
            return None
        found: tuple[str, Arm] | None
        try:
            async with asyncio.timeout(QUICK_TIMEOUT_MS / 1000.0):
                if place == _AUTO:
                    found = await self._store.auto(digest)
                else:
                    arm = await self._store.arm(place, digest)
                    found = None if arm is None else (place, arm)
        except (StateError, TimeoutError):
            self._breaker.failed(asked_s, monotonic())
            return None
        except BaseException:  # the client has gone; that says nothing of the store
            self._breaker.abandoned()
            raise
        self._breaker.succeeded(monotonic())
        return None if found is None else Before(*found)

    async def _write(self) -> None:
        """Write what gathers in a moment in one go: a command for each request would cost more than deciding."""
        await asyncio.sleep(WRITE_EVERY_S)
        self._gathering = False
        sessions, self._unwritten = self._unwritten, {}
        asked_s = monotonic()
        if not self._breaker.admits(asked_s, QUICK_TIMEOUT_MS / 1000.0):
            return
        try:
            await self._store.remember(sessions.values(), self._ttl_s)
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
        content = message.get("content")
        if isinstance(content, str) and len(message) == 2:  # the usual case, the same by hand
            role, text = str(message.get("role")).encode(), content.encode()
            digest.update(b"%d:%b%d:%b|" % (len(role), role, len(text), text))
        else:
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
