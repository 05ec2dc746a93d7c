"""The model that is called, as light as it can be: canned answers in OpenAI's shape. Run as ``module PORT``.

It reads no JSON: a request whose body holds ``"stream":true`` gets the stream, every other one the whole answer. The
events of a stream are written one by one, in turns of the loop, so that they arrive as parts.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import re
import sys
from typing import cast

import msgspec

TEXT = (
    "the signal shows a clear line and every train takes the track that serves it best while points move quietly "
    "between stations so that nothing waits longer"
)
PIECE_CHARS = 3
"""As long as the pieces of LiteLLM's ``mock_response``."""

_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_STREAM = re.compile(rb'"stream": ?true')
_USAGE = {"prompt_tokens": 60, "completion_tokens": 27, "total_tokens": 87}
_HEAD = {"id": "chatcmpl-0123456789", "created": 1_700_000_000, "model": "canned"}


def whole_answer() -> bytes:
    """Return the answer that is no stream, with its head."""
    choice = {"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}
    body = msgspec.json.encode({**_HEAD, "object": "chat.completion", "choices": [choice], "usage": _USAGE})
    return _head(200, "application/json", f"content-length: {len(body)}") + body


def stream_parts() -> list[bytes]:
    """Return the parts of a stream in chunked coding, the head in the first."""
    pieces = [TEXT[at : at + PIECE_CHARS] for at in range(0, len(TEXT), PIECE_CHARS)]
    deltas = [{"role": "assistant", "content": ""}, *({"content": piece} for piece in pieces)]
    events = [_event(choices=[{"index": 0, "delta": delta, "finish_reason": None}]) for delta in deltas]
    events.append(_event(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}]))
    events += [_event(choices=[], usage=_USAGE), b"data: [DONE]\n\n"]
    chunks = [b"%x\r\n%s\r\n" % (len(event), event) for event in events]
    chunks[0] = _head(200, "text/event-stream", "transfer-encoding: chunked") + chunks[0]
    return [*chunks[:-1], chunks[-1] + b"0\r\n\r\n"]


def _event(**fields: object) -> bytes:
    return b"data: " + msgspec.json.encode({**_HEAD, "object": "chat.completion.chunk", **fields}) + b"\n\n"


def _head(status: int, content_type: str, framing: str) -> bytes:
    return f"HTTP/1.1 {status} OK\r\ncontent-type: {content_type}\r\n{framing}\r\n\r\n".encode()


WHOLE = whole_answer()
PARTS = stream_parts()
_READY = _head(200, "text/plain", "content-length: 5") + b"ready"


class Canned(asyncio.Protocol):
    """One connection; one request at a time on it."""

    def __init__(self) -> None:
        self._transport: asyncio.WriteTransport | None = None
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self._transport = cast(asyncio.WriteTransport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Write nothing more."""
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Answer when the request is whole."""
        self._buffer += data
        head, end, body = self._buffer.partition(_END)
        if not end or self._transport is None:
            return
        found = _LENGTH.search(head)
        if len(body) < (int(found[1]) if found else 0):
            return
        self._buffer = b""
        if head.startswith(b"GET"):
            self._transport.write(_READY)
        elif _STREAM.search(body):
            self._write(0)
        else:
            self._transport.write(WHOLE)

    def _write(self, at: int) -> None:
        if self._transport is not None:
            self._transport.write(PARTS[at])
            if at + 1 < len(PARTS):
                asyncio.get_running_loop().call_soon(self._write, at + 1)


async def main(port: int) -> None:
    """Serve until the process is stopped."""
    server = await asyncio.get_running_loop().create_server(Canned, "127.0.0.1", port, backlog=1024)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    gc.collect()
    gc.freeze()
    with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
        uvloop.run(main(int(sys.argv[1])))
