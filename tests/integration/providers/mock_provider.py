"""A provider on a free loopback port: real sockets, and it responds as a test prescribes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec
from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class MockProvider:
    """What was asked, and what is answered: the next of `answers`, and the last of them for ever."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[web.Request] = []
        self.bodies: list[bytes] = []
        self.peers: list[tuple[str, int]] = []
        self.answers: list[Handler] = []
        self.gone = asyncio.Event()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        assert request.transport is not None
        self.peers.append(request.transport.get_extra_info("peername"))
        self.bodies.append(await request.read())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        try:
            return await answer(request)
        except (asyncio.CancelledError, ConnectionError):
            self.gone.set()
            raise

    @property
    def sent(self) -> dict[str, Any]:
        """The last body."""
        return msgspec.json.decode(self.bodies[-1], type=dict[str, Any])


@asynccontextmanager
async def running() -> AsyncIterator[MockProvider]:
    mock = MockProvider()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", mock.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    mock.url = f"http://127.0.0.1:{port}"
    try:
        yield mock
    finally:
        await runner.cleanup()


def responds(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Handler:
    """Answer with JSON."""

    async def answer(_: web.Request) -> web.Response:
        body = value if isinstance(value, bytes) else msgspec.json.encode(value)
        return web.Response(status=status, body=body, content_type="application/json", headers=headers)

    return answer


def streams(
    *parts: bytes | float, content_type: str = "text/event-stream", headers: dict[str, str] | None = None
) -> Handler:
    """Answer with a stream: bytes are sent as one part, a number is a pause in seconds."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": content_type, **(headers or {})})
        await response.prepare(request)
        for part in parts:
            if isinstance(part, bytes):
                await response.write(part)
                await asyncio.sleep(0)
            else:
                await asyncio.sleep(part)
        await response.write_eof()
        return response

    return answer


def breaks_off(*parts: bytes) -> Handler:
    """Begin a stream, then drop the connection."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for part in parts:
            await response.write(part)
        await asyncio.sleep(0.05)
        assert request.transport is not None
        request.transport.abort()
        with suppress(ConnectionError):
            await response.write_eof()
        return response

    return answer


def drops() -> Handler:
    """Drop the connection instead of answering."""

    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    return answer


def waits(seconds: float, then: Handler) -> Handler:
    """Answer late."""

    async def answer(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return await then(request)

    return answer
