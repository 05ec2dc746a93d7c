"""HTTP client of the gateway that distinguishes any response from no response."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any, NamedTuple


class NoAnswer(Exception):
    """The request may or may not have been served."""


class Answer(NamedTuple):
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class HttpClient:
    """HTTP/1.1 with connections that are kept.

    Parameters
    ----------
    port : int
        On loopback.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def call(self, method: str, path: str, body: Any = None, timeout_s: float = 15.0) -> Answer:
        """Send one request.

        Raises
        ------
        NoAnswer
            When the connection broke, or nothing came in time.
        """
        writer: asyncio.StreamWriter | None = None
        try:
            async with asyncio.timeout(timeout_s):
                kept = self._still_open()
                if kept is not None:
                    reader, writer = kept
                else:
                    reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                payload = b"" if body is None else json.dumps(body).encode()
                head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(payload)}\r\n\r\n"
                writer.write(head.encode() + payload)
                answer = await _read(reader)
        except (OSError, EOFError, TimeoutError) as error:
            if writer is not None:
                writer.transport.abort()
            raise NoAnswer(str(error) or type(error).__name__) from error
        except BaseException:
            if writer is not None:
                writer.transport.abort()
            raise
        self._idle.append((reader, writer))
        return answer

    def _still_open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """Return a kept connection that is still open: one that ended while it was idle is no unanswered request."""
        while self._idle:
            reader, writer = self._idle.pop()
            if not (reader.at_eof() or reader.exception() or writer.is_closing()):
                return reader, writer
            writer.transport.abort()
        return None

    def close(self) -> None:
        """Close the connections that are kept."""
        for _, writer in self._idle:
            with contextlib.suppress(OSError, RuntimeError):
                writer.transport.abort()
        self._idle.clear()


async def _read(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    return Answer(int(head[0].split(" ")[1]), headers, await reader.readexactly(int(headers.get("content-length", 0))))
