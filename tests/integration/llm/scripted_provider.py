"""A provider in the test's own loop, which sees each connection of the gateway, and can stop or flood in mid-stream."""

from __future__ import annotations

import asyncio
import json
from types import TracebackType

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n"
EVENT = {"id": "chatcmpl-x", "object": "chat.completion.chunk", "created": 0, "model": "m"}


def event(text: str, finish: str | None = None) -> bytes:
    """Return a part of an answer, as it is sent."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return chunk(b"data: " + json.dumps({**EVENT, "choices": [choice]}).encode() + b"\n\n")


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class ScriptedProvider:
    """Answers streams by what the last message asks for.

    ``wait``: nothing ever comes. ``begin``: one part, then nothing. ``flood``: parts without end, as fast as they go.
    Anything else: a short answer.

    Attributes
    ----------
    seen : list of str
        The last messages of the requests so far.
    open : int
        Connections right now.
    flooded : int
        Bytes of floods that the gateway's side has taken.
    headers : bytes
        Further headers of each answer.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.open = self.flooded = 0
        self.seen: list[str] = []
        self.headers = b""

    async def __aenter__(self) -> ScriptedProvider:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self._port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.open += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-len")
                )
                body = json.loads(await reader.readexactly(length))
                self.seen.append(body["messages"][-1]["content"])
                await self._answer(reader, writer, self.seen[-1])
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            self._tasks.discard(task)
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wanted: str) -> None:
        if "wait" in wanted:
            await reader.readexactly(1)  # returns when the gateway hangs up
        writer.write(HEAD + self.headers + b"\r\n" + event("Hello"))
        if "begin" in wanted:
            await reader.readexactly(1)
        while "flood" in wanted:
            part = event("x" * 16_000)
            writer.write(part)
            await writer.drain()
            self.flooded += len(part)
        writer.write(event("", "stop") + chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")
        await writer.drain()
