"""HTTP server of the mock provider, with the APIs of OpenAI and Anthropic on one port."""

import asyncio
import math
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from hashlib import blake2b
from typing import Any, Protocol

import msgspec
from aiohttp import web

from pointsman.cli.devtools.mock_provider import anthropic_format, openai_format
from pointsman.cli.devtools.mock_provider.behaviour import Behaviour, RequestPlan, plan_request
from pointsman.cli.devtools.mock_provider.reply import CHARS_PER_TOKEN, MockReply, OfferedTool, make_reply, texts_of
from pointsman.llm.effort import split_effort

MAX_BODY_BYTES = 64 * 1024 * 1024
MAX_PREFIXES = 10_000
MAX_REQUESTS = 100

_decoder = msgspec.json.Decoder(dict[str, Any])


class Format(Protocol):
    """Module with the format of one API."""

    def last_text(self, body: dict[str, Any]) -> str:
        """Return the text of the last message."""
        ...

    def wanted_tool(self, body: dict[str, Any]) -> OfferedTool | None:
        """Return the tool to call; None if there is none, and after a tool result."""
        ...

    def max_tokens(self, body: dict[str, Any]) -> int | None:
        """Return the limit of output tokens; None without one."""
        ...

    def effort(self, body: dict[str, Any]) -> str | None:
        """Return the effort of a request; None without one."""
        ...

    def refusal(self, body: dict[str, Any]) -> str | None:
        """Return why the API refuses a request because of its effort; None when it does not."""
        ...

    def whole(self, reply: MockReply, body: dict[str, Any]) -> bytes:
        """Return the body of a complete answer."""
        ...

    def stream(self, reply: MockReply, body: dict[str, Any]) -> Iterator[bytes]:
        """Yield the events of a streamed answer."""
        ...

    def error(self, status: int, message: str) -> bytes:
        """Return the body of an error."""
        ...


class MockProvider:
    """A provider without a model. Without ``models`` every name is accepted; ``api_key`` is required from clients.

    A name with an effort, ``large@high``, has the behaviour of the model ``large`` with this effort.
    """

    def __init__(
        self, models: Mapping[str, Behaviour], default: Behaviour, seed: int = 0, api_key: str | None = None
    ) -> None:
        self._models = models
        self._names = dict.fromkeys(split_effort(name)[0] for name in models)
        self._default = default
        self._seed = seed
        self._api_key = api_key
        self._asked: Counter[str] = Counter()
        self._seen: OrderedDict[bytes, int] = OrderedDict()
        self._requests: deque[dict[str, Any]] = deque(maxlen=MAX_REQUESTS)

    def app(self) -> web.Application:
        """Return the application."""
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_post(openai_format.CHAT_PATH, self._openai)
        app.router.add_post(anthropic_format.MESSAGES_PATH, self._anthropic)
        app.router.add_post(anthropic_format.COUNT_PATH, self._count)
        app.router.add_get("/v1/models", self._list)
        app.router.add_get("/mock/requests", self._statistics)
        return app

    async def _openai(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, openai_format)

    async def _anthropic(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, anthropic_format)

    async def _count(self, request: web.Request) -> web.Response:
        """Return the tokens of a request, equal to those in the usage of its answer."""
        body = await self._read_body(request, anthropic_format)
        if isinstance(body, web.Response):
            return body
        tokens = math.ceil(_all_chars(body) / CHARS_PER_TOKEN)
        return _json(200, msgspec.json.encode({"input_tokens": tokens}))

    async def _list(self, _: web.Request) -> web.Response:
        listed = [{"id": name, "object": "model", "created": 0, "owned_by": "mock"} for name in self._names]
        return web.json_response({"object": "list", "data": listed})

    async def _statistics(self, _: web.Request) -> web.Response:
        """Return the number of requests per model and the last requests, for tests."""
        return _json(200, msgspec.json.encode({"asked": self._asked, "requests": list(self._requests)}))

    async def _answer(self, request: web.Request, api: Format) -> web.StreamResponse:
        body = await self._read_body(request, api)
        if isinstance(body, web.Response):
            return body
        model, text = str(body["model"]), api.last_text(body)
        number = self._asked[model]
        self._asked[model] += 1
        behaviour = self._models.get(f"{model}@{api.effort(body)}") or self._models.get(model, self._default)
        plan = plan_request(behaviour, self._seed, model, number, text)
        await _sleep_ms(plan.first_byte_ms)
        if plan.status != 200:
            return _json(plan.status, api.error(plan.status, f"the mock fails with {plan.status}, as configured"))
        return await self._reply(request, api, body, plan, model, number, text)

    async def _read_body(self, request: web.Request, api: Format) -> dict[str, Any] | web.Response:
        """Return the body of a valid request, or the error response."""
        raw = await request.read()
        if self._api_key is not None and self._api_key not in _keys(request):
            return _json(401, api.error(401, "the API key is wrong"))
        try:
            body = _decoder.decode(raw)
            model, _ = str(body["model"]), api.last_text(body)
            refusal = api.refusal(body)
        except (msgspec.MsgspecError, KeyError, IndexError, AttributeError, TypeError):
            return _json(400, api.error(400, "expected a JSON object with model and messages"))
        if refusal is not None:
            return _json(400, api.error(400, refusal))
        if self._names and model not in self._names:
            return _json(404, api.error(404, f"the model {model} does not exist"))
        self._requests.append({"path": request.path, "headers": dict(request.headers), "body": body})
        return body

    async def _reply(
        self,
        request: web.Request,
        api: Format,
        body: dict[str, Any],
        plan: RequestPlan,
        model: str,
        number: int,
        text: str,
    ) -> web.StreamResponse:
        try:
            prompt, cached = self._chars(model, body)
            tool, bound, effort = api.wanted_tool(body), api.max_tokens(body), api.effort(body)
            reply = make_reply(plan, number, text, tool, prompt, cached, bound, effort)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            return _json(400, api.error(400, f"messages or tools are invalid: {error}"))
        left_ms = max(0.0, plan.latency_ms - plan.first_byte_ms)
        if body.get("stream"):
            return await _stream(request, list(api.stream(reply, body)), plan, left_ms)
        await _sleep_ms(left_ms)
        return _json(200, api.whole(reply, body))

    def _chars(self, model: str, body: dict[str, Any]) -> tuple[int, int]:
        """Return the length of the prompt, and of its longest prefix that this model has seen before."""
        digest = blake2b(model.encode(), digest_size=16)
        total = cached = 0
        for message in _messages(body):
            text = "\n".join(texts_of(message.get("content")))
            total += len(text)
            digest.update(f"{message.get('role')}:{len(text)}:{text}".encode())
            cached = total if digest.digest() in self._seen else cached
        self._seen[digest.digest()] = total
        if len(self._seen) > MAX_PREFIXES:
            self._seen.popitem(last=False)
        return total, cached


def _messages(body: dict[str, Any]) -> list[dict[str, Any]]:
    system = body.get("system")
    return [*([{"role": "system", "content": system}] if system else []), *body["messages"]]


def _all_chars(body: dict[str, Any]) -> int:
    return sum(len("\n".join(texts_of(message.get("content")))) for message in _messages(body))


@asynccontextmanager
async def serving(provider: MockProvider, host: str, port: int) -> AsyncIterator[str]:
    """Serve the provider; yield its URL. Port 0 selects a free port."""
    runner = web.AppRunner(provider.app(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, backlog=1024).start()
        bound_host, bound_port = runner.addresses[0][:2]
        yield f"http://{bound_host}:{bound_port}"
    finally:
        await runner.cleanup()


async def _stream(request: web.Request, chunks: list[bytes], plan: RequestPlan, left_ms: float) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-type": "text/event-stream", "cache-control": "no-cache"})
    await response.prepare(request)
    for at, chunk in enumerate(chunks):
        if at == plan.breaks_after:
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


async def _sleep_ms(delay_ms: float) -> None:
    if delay_ms > 0.0:
        await asyncio.sleep(delay_ms / 1000.0)
