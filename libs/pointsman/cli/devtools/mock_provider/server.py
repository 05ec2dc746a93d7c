"""The mock provider's server: both dialects on one port."""

from __future__ import annotations

import asyncio
import math
from collections import Counter, OrderedDict, deque
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any, Protocol

import msgspec
from aiohttp import web

from pointsman.cli.devtools.mock_provider import anthropic_shape, openai_shape
from pointsman.cli.devtools.mock_provider.behaviour import Behaviour, Plan, plan
from pointsman.cli.devtools.mock_provider.reply import CHARS_PER_TOKEN, Said, Tool, say, texts_of

MAX_BODY_BYTES = 64 * 1024 * 1024
REMEMBERED = 10_000
KEPT_REQUESTS = 100

_decoder = msgspec.json.Decoder(dict[str, Any])


class Shape(Protocol):
    """A dialect's module."""

    def last_text(self, body: dict[str, Any]) -> str: ...  # noqa: D102
    def wanted_tool(self, body: dict[str, Any]) -> Tool | None: ...  # noqa: D102
    def most_tokens(self, body: dict[str, Any]) -> int | None: ...  # noqa: D102
    def whole(self, said: Said, body: dict[str, Any]) -> bytes: ...  # noqa: D102
    def stream(self, said: Said, body: dict[str, Any]) -> Iterator[bytes]: ...  # noqa: D102
    def error(self, status: int, message: str) -> bytes: ...  # noqa: D102


class MockProvider:
    """Answers as a provider would.

    Parameters
    ----------
    models : mapping of str to Behaviour
        The models there are; without any, every name is one.
    default : Behaviour
        Of a model that has none of its own.
    seed : int
    api_key : str, optional
        Requests without it are refused.
    """

    def __init__(
        self, models: Mapping[str, Behaviour], default: Behaviour, seed: int = 0, api_key: str | None = None
    ) -> None:
        self._models = models
        self._default = default
        self._seed = seed
        self._api_key = api_key
        self._asked: Counter[str] = Counter()
        self._seen: OrderedDict[bytes, int] = OrderedDict()
        self._requests: deque[dict[str, Any]] = deque(maxlen=KEPT_REQUESTS)

    def app(self) -> web.Application:
        """Return the application."""
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_post(openai_shape.PATH, self._openai)
        app.router.add_post(anthropic_shape.PATH, self._anthropic)
        app.router.add_post(anthropic_shape.COUNT_PATH, self._count)
        app.router.add_get("/v1/models", self._list)
        app.router.add_get("/mock/requests", self._told)
        return app

    async def _openai(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, openai_shape)

    async def _anthropic(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, anthropic_shape)

    async def _count(self, request: web.Request) -> web.Response:
        """Tell how many tokens a request has: as many as an answer to it tells in its usage."""
        body = await self._asked_for(request, anthropic_shape)
        if isinstance(body, web.Response):
            return body
        tokens = math.ceil(_all_chars(body) / CHARS_PER_TOKEN)
        return _json(200, msgspec.json.encode({"input_tokens": tokens}))

    async def _list(self, _: web.Request) -> web.Response:
        listed = [{"id": name, "object": "model", "created": 0, "owned_by": "mock"} for name in self._models]
        return web.json_response({"object": "list", "data": listed})

    async def _told(self, _: web.Request) -> web.Response:
        """Tell how often each model was asked, and the last requests, for tests."""
        return _json(200, msgspec.json.encode({"asked": self._asked, "requests": list(self._requests)}))

    async def _answer(self, request: web.Request, shape: Shape) -> web.StreamResponse:
        body = await self._asked_for(request, shape)
        if isinstance(body, web.Response):
            return body
        model, text = str(body["model"]), shape.last_text(body)
        number = self._asked[model]
        self._asked[model] += 1
        what = plan(self._models.get(model, self._default), self._seed, model, number, text)
        await _sleep_ms(what.first_byte_ms)
        if what.status != 200:
            return _json(what.status, shape.error(what.status, f"the mock fails with {what.status}, as it should"))
        return await self._say(request, shape, body, what, model, number, text)

    async def _asked_for(self, request: web.Request, shape: Shape) -> dict[str, Any] | web.Response:
        """Return the body of a request, or the refusal of one that is not as it has to be."""
        raw = await request.read()
        if self._api_key is not None and self._api_key not in _keys(request):
            return _json(401, shape.error(401, "the API key is wrong"))
        try:
            body = _decoder.decode(raw)
            model, _ = str(body["model"]), shape.last_text(body)
        except (msgspec.MsgspecError, KeyError, IndexError, AttributeError, TypeError):
            return _json(400, shape.error(400, "expected a JSON object with model and messages"))
        if self._models and model not in self._models:
            return _json(404, shape.error(404, f"the model {model} does not exist"))
        self._requests.append({"path": request.path, "headers": dict(request.headers), "body": body})
        return body

    async def _say(
        self, request: web.Request, shape: Shape, body: dict[str, Any], what: Plan, model: str, number: int, text: str
    ) -> web.StreamResponse:
        try:
            prompt, cached = self._chars(model, body)
            said = say(what, number, text, shape.wanted_tool(body), prompt, cached, shape.most_tokens(body))
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            return _json(400, shape.error(400, f"messages or tools are not as they have to be: {error}"))
        left_ms = max(0.0, what.latency_ms - what.first_byte_ms)
        if body.get("stream"):
            return await _stream(request, list(shape.stream(said, body)), what, left_ms)
        await _sleep_ms(left_ms)
        return _json(200, shape.whole(said, body))

    def _chars(self, model: str, body: dict[str, Any]) -> tuple[int, int]:
        """Return the length of the prompt, and of the longest beginning of it that this model has seen before."""
        digest = blake2b(model.encode(), digest_size=16)
        total = cached = 0
        for message in _messages(body):
            text = "\n".join(texts_of(message.get("content")))
            total += len(text)
            digest.update(f"{message.get('role')}:{len(text)}:{text}".encode())
            cached = total if digest.digest() in self._seen else cached
        self._seen[digest.digest()] = total
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return total, cached


def _messages(body: dict[str, Any]) -> list[dict[str, Any]]:
    system = body.get("system")
    return [*([{"role": "system", "content": system}] if system else []), *body["messages"]]


def _all_chars(body: dict[str, Any]) -> int:
    return sum(len("\n".join(texts_of(message.get("content")))) for message in _messages(body))


async def _stream(request: web.Request, chunks: list[bytes], what: Plan, left_ms: float) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-type": "text/event-stream", "cache-control": "no-cache"})
    await response.prepare(request)
    for at, chunk in enumerate(chunks):
        if at == what.breaks_after:
            assert request.transport is not None
            request.transport.abort()
            return response
        if at:
            await _sleep_ms(left_ms / len(chunks))
        await response.write(chunk)
    await response.write_eof()
    return response


def _json(status: int, body: bytes) -> web.Response:
    headers = {"retry-after": "0"} if status == 429 else None
    return web.Response(status=status, body=body, content_type="application/json", headers=headers)


def _keys(request: web.Request) -> set[str]:
    bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
    return {bearer, request.headers.get("x-api-key", ""), request.headers.get("api-key", "")}


async def _sleep_ms(wanted_ms: float) -> None:
    if wanted_ms > 0.0:
        await asyncio.sleep(wanted_ms / 1000.0)
