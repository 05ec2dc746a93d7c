"""A provider that breaks HTTP, its dialect or good manners, as a program: ``python -m tests.attack.hostile_provider``.

The last message of a request names the behaviour, one of `BEHAVIOURS`. A behaviour yields the bytes that are sent. All
end when the gateway hangs up, floods at `FLOOD_BYTES` at the latest. It listens on loopback only.
"""

from __future__ import annotations

import gzip
import json
import socket
import struct
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

FLOOD_BYTES = 1024**3
PIECE_BYTES = 256 * 1024
DRIP_S = 0.2
ESCAPED = "poisoned"
"""In everything that belongs to no request."""

Pieces = Iterator[bytes]
BEHAVIOURS: dict[str, Callable[[bool], Pieces]] = {}
"""By name; the argument is whether a stream was requested."""


def behaviour(function: Callable[[bool], Pieces]) -> Callable[[bool], Pieces]:
    BEHAVIOURS[function.__name__] = function
    return function


def head(status: int = 200, *headers: str, length: int | None = None, stream: bool = False) -> bytes:
    kind = "text/event-stream" if stream else "application/json"
    framing = "transfer-encoding: chunked" if length is None else f"content-length: {length}"
    return "\r\n".join([f"HTTP/1.1 {status} X", f"content-type: {kind}", framing, *headers, "", ""]).encode()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


LAST_CHUNK = b"0\r\n\r\n"


def answer(text: str = "yes", **more: Any) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return json.dumps({"id": "c", "model": "m", "choices": [choice], **more}).encode()


def event(delta: Any, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": None, **more}
    return b"data: " + json.dumps({"id": "c", "model": "m", "choices": [choice]}).encode() + b"\n\n"


BEGIN, FINISH, DONE = event({"content": "yes"}), event({}, finish_reason="stop"), b"data: [DONE]\n\n"


def whole(body: bytes, *headers: str, status: int = 200) -> Pieces:
    yield head(status, *headers, length=len(body)) + body


def as_requested(stream: bool, body: bytes, events: bytes, *headers: str) -> Pieces:
    if not stream:
        return whole(body, *headers)
    return iter([head(200, *headers, stream=True) + chunk(events) + LAST_CHUNK])


def flood(piece: bytes) -> Pieces:
    many = piece * max(1, PIECE_BYTES // len(piece))
    for _ in range(FLOOD_BYTES // len(many)):
        yield many


def chunked_flood(piece: bytes) -> Pieces:
    return flood(chunk(piece * max(1, PIECE_BYTES // len(piece))))


def drip(data: bytes) -> Pieces:
    for at in count():
        yield data[at % len(data) :][:1]
        time.sleep(DRIP_S)


# The head of the response


@behaviour
def endless_continue(_: bool) -> Pieces:
    return flood(b"HTTP/1.1 100 Continue\r\n\r\n")


@behaviour
def endless_headers(_: bool) -> Pieces:
    yield b"HTTP/1.1 200 OK\r\n"
    yield from flood(b"x-a: b\r\n")


@behaviour
def endless_header(_: bool) -> Pieces:
    yield b"HTTP/1.1 200 OK\r\nx-a: "
    yield from flood(b"b" * 1000)


@behaviour
def large_headers(stream: bool) -> Pieces:
    many = [f"x-ratelimit-{at}: {'x' * 60_000}" for at in range(100)]
    return as_requested(stream, answer(), BEGIN + FINISH + DONE, *many)


@behaviour
def large_cookies(stream: bool) -> Pieces:
    many = [f"set-cookie: a{at}={'=;' * 30_000}" for at in range(100)]
    return as_requested(stream, answer(), BEGIN + FINISH + DONE, *many)


@behaviour
def dripping_head(_: bool) -> Pieces:
    yield b"HTTP/1.1 200 OK\r\n"
    yield from drip(b"x-a: b\r\n")


@behaviour
def silent(_: bool) -> Pieces:
    yield b""
    time.sleep(3600)


@behaviour
def upgrade(_: bool) -> Pieces:
    yield b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n"
    yield from flood(b"x" * 1000)


@behaviour
def no_http(_: bool) -> Pieces:
    return flood(b"220 mail.example ESMTP\r\n")


@behaviour
def redirect(_: bool) -> Pieces:
    yield from whole(b"{}", f"location: http://127.0.0.1:{canary.getsockname()[1]}/{ESCAPED}", status=307)


@behaviour
def odd_authenticate(_: bool) -> Pieces:
    yield from whole(b"{}", 'www-authenticate: Basic realm="' + 'a", Digest ' * 500, status=401)


@behaviour
def odd_retry_after(_: bool) -> Pieces:
    yield from whole(b"{}", "retry-after: 1e400", "retry-after-ms: 9e99", status=429)


@behaviour
def odd_retry_date(_: bool) -> Pieces:
    yield from whole(b"{}", f"retry-after: Mon, 1 Jan {'9' * 30} 00:00:00 GMT", status=429)


# The framing of the body


@behaviour
def length_too_large(_: bool) -> Pieces:
    yield head(200, length=10**15) + answer()


@behaviour
def length_too_small(_: bool) -> Pieces:
    yield head(200, length=10) + answer()


@behaviour
def endless_chunk_extension(stream: bool) -> Pieces:
    yield head(200, stream=stream) + b"5;a="
    yield from flood(b"b" * 1000)


@behaviour
def endless_trailers(stream: bool) -> Pieces:
    body = BEGIN + FINISH + DONE if stream else answer()
    yield head(200, stream=stream) + chunk(body) + b"0\r\n"
    yield from flood(b"x-a: b\r\n")


@behaviour
def tiny_chunks(stream: bool) -> Pieces:
    yield head(200, stream=stream)
    yield from flood(chunk(b" "))


@behaviour
def compression_bomb(stream: bool) -> Pieces:
    bomb = gzip.compress((b": \n\n" if stream else b" ") * (64 * 1024 * 1024), 1)
    yield head(200, "content-encoding: gzip", stream=stream)
    for _ in range(FLOOD_BYTES // len(bomb)):
        yield chunk(bomb)


@behaviour
def broken_compression(stream: bool) -> Pieces:
    return as_requested(stream, b"\x1f\x8bxxxx", b"\x1f\x8bxxxx", "content-encoding: gzip")


@behaviour
def unknown_compression(stream: bool) -> Pieces:
    return as_requested(stream, b"\x1f\x8bxxxx", b"\x1f\x8bxxxx", "content-encoding: br")


@behaviour
def poison(stream: bool) -> Pieces:
    yield from as_requested(stream, answer(), BEGIN + FINISH + DONE)
    time.sleep(0.1)
    yield from whole(answer(ESCAPED))


# Bodies and streams


@behaviour
def endless_body(stream: bool) -> Pieces:
    yield head(200, stream=stream) + chunk(b'data: {"x":"' if stream else b'{"x":"')
    yield from chunked_flood(b"y" * 1000)


@behaviour
def many_objects(stream: bool) -> Pieces:
    begin = b'{"choices":[{"index":0,"message":{"content":[' + b"{}," * 8_000_000
    yield head(200, stream=stream) + chunk(b"data: " * stream + begin + b"{}]}}]}\n\n")
    yield LAST_CHUNK


@behaviour
def dripping_body(stream: bool) -> Pieces:
    yield head(200, stream=stream)
    for piece in drip(BEGIN if stream else b" "):
        yield chunk(piece)


@behaviour
def dripping_event(stream: bool) -> Pieces:
    yield head(200, stream=stream) + chunk(BEGIN if stream else b" ")
    for piece in drip(b"data: "):
        yield chunk(piece)


@behaviour
def dripping_comments(stream: bool) -> Pieces:
    yield head(200, stream=stream) + chunk(BEGIN if stream else b" ")
    while True:
        yield chunk(b": wait\n\n")
        time.sleep(DRIP_S)


@behaviour
def deep(stream: bool) -> Pieces:
    nested = "[" * 2000 + "]" * 2000
    body = answer(x=0).replace(b'"x": 0', f'"x": {nested}'.encode())
    return as_requested(stream, body, BEGIN + b"data: " + body + b"\n\n" + FINISH + DONE)


@behaviour
def deep_error(_: bool) -> Pieces:
    yield from whole(b'{"error":{"message":' + b"[" * 2000 + b"]" * 2000 + b"}}", status=500)


@behaviour
def deep_error_event(stream: bool) -> Pieces:
    error = b'{"error":{"message":' + b"[" * 900 + b"]" * 900 + b"}}"
    return as_requested(stream, error, b"data: " + error + b"\n\n")


@behaviour
def endless_error(_: bool) -> Pieces:
    yield head(500)
    yield from chunked_flood(b"y" * 1000)


@behaviour
def garbage_after(stream: bool) -> Pieces:
    return as_requested(stream, answer() + b"}garbage", BEGIN + b"data: {}garbage\n\n" + FINISH + DONE)


@behaviour
def duplicate_keys(stream: bool) -> Pieces:
    body = answer()[:-1] + b', "choices": [], "choices": "x", "usage": 3, "usage": null}'
    return as_requested(stream, body, BEGIN + b"data: " + body + b"\n\n" + FINISH + DONE)


@behaviour
def invalid_utf8(stream: bool) -> Pieces:
    body = answer("\x00").replace(b"\\u0000", b"\xff\xfe")
    return as_requested(stream, body, BEGIN + b"data: " + body + b"\n\n" + FINISH + DONE)


@behaviour
def half_surrogate(stream: bool) -> Pieces:
    body = answer("x").replace(b'"x"', b'"\\ud800"')
    return as_requested(stream, body, BEGIN + b"data: " + body + b"\n\n" + FINISH + DONE)


@behaviour
def long_names(stream: bool) -> Pieces:
    names = {"id": "i" * 5_000_000, "model": "m" * 5_000_000}
    choice = {"index": 0, "delta": {"content": "yes"}, "finish_reason": "f" * 5_000_000}
    events = b"data: " + json.dumps({**names, "choices": [choice]}).encode() + b"\n\n" + FINISH + DONE
    return as_requested(stream, answer(**names), events)


@behaviour
def odd_usage(stream: bool) -> Pieces:
    usage = {"prompt_tokens": -5, "completion_tokens": 10**400, "total_tokens": [[]], "cost": -1e300}
    last = b"data: " + json.dumps({"choices": [], "usage": usage}).encode() + b"\n\n"
    return as_requested(stream, answer(usage=usage), BEGIN + FINISH + last + DONE)


@behaviour
def endless_blank_lines(stream: bool) -> Pieces:
    yield head(200, stream=stream)
    yield from chunked_flood(b"\n")


@behaviour
def endless_comments(stream: bool) -> Pieces:
    yield head(200, stream=stream)
    yield from chunked_flood(b":\n\n")


@behaviour
def endless_empty_events(stream: bool) -> Pieces:
    yield head(200, stream=stream)
    yield from chunked_flood(b"data: {}\n\n")


@behaviour
def endless_comments_later(stream: bool) -> Pieces:
    yield head(200, stream=stream) + chunk(BEGIN)
    yield from chunked_flood(b":\n\n")


@behaviour
def endless_text(stream: bool) -> Pieces:
    yield head(200, stream=stream) + chunk(BEGIN)
    yield from chunked_flood(BEGIN)


@behaviour
def endless_line(stream: bool) -> Pieces:
    yield head(200, stream=stream) + chunk(BEGIN + b"data: ")
    yield from chunked_flood(b"y" * 1000)


def tool(index: int, arguments: str, name: str | None = None) -> bytes:
    return event({"tool_calls": [{"index": index, "id": "t", "function": {"name": name, "arguments": arguments}}]})


@behaviour
def endless_arguments(stream: bool) -> Pieces:
    yield head(200, stream=stream) + chunk(tool(0, '{"a":"', "f"))
    yield from chunked_flood(tool(0, "y" * 16_000))


@behaviour
def arguments_of_two_calls(stream: bool) -> Pieces:
    yield head(200, stream=stream) + chunk(tool(0, '{"a":"' + "y" * 8_000_000, "f") + tool(1, "{", "g"))
    yield from chunked_flood(tool(1, "}") + tool(0, "}"))


@behaviour
def endless_calls(stream: bool) -> Pieces:
    yield head(200, stream=stream) + chunk(BEGIN)
    for at in range(20_000):
        yield chunk(b"".join([tool(10**9 + 10 * at + n, "{", "f") for n in range(10)]))


@behaviour
def odd_indices(stream: bool) -> Pieces:
    odd = [event({"content": "x"}, index=index) for index in (10**9, -1, 10**30, "a", None)]
    odd += [tool(index, "{}", "f") for index in (10**9, -1, 10**30)]
    return as_requested(stream, answer(), BEGIN + b"".join(odd) + FINISH + DONE)


@behaviour
def endless_after_done(stream: bool) -> Pieces:
    yield head(200, stream=stream) + chunk(BEGIN + FINISH + DONE)
    yield from chunked_flood(b"data: x\n\n")


@behaviour
def dripping_after_done(stream: bool) -> Pieces:
    yield head(200, stream=stream) + chunk(BEGIN + FINISH + DONE)
    while True:
        yield chunk(b": more\n\n")
        time.sleep(DRIP_S)


@behaviour
def many_lines(stream: bool) -> Pieces:
    yield head(200, stream=stream) + chunk(BEGIN)
    for _ in range(4):
        yield chunk(b"data:\n" * 2_000_000 + b"\n")


# Anthropic's messages


def message_event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def message_start(**fields: Any) -> bytes:
    block = message_event("content_block_start", index=0, content_block={"type": "text", "text": "yes"})
    return message_event("message_start", message={"id": "i", "model": "m", **fields}) + block


@behaviour
def messages_long_names(_: bool) -> Pieces:
    delta = message_event("content_block_delta", index=0, delta={"type": "text_delta", "text": "x"})
    yield head(200, stream=True) + chunk(message_start(id="i" * 5_000_000, model="m" * 5_000_000))
    yield chunk(delta * 200)
    yield chunk(message_event("message_delta", delta={"stop_reason": "end_turn"}) + message_event("message_stop"))
    yield LAST_CHUNK


@behaviour
def messages_endless_pings(_: bool) -> Pieces:
    yield head(200, stream=True) + chunk(message_start())
    yield from chunked_flood(message_event("ping"))


@behaviour
def messages_endless_blocks(_: bool) -> Pieces:
    yield head(200, stream=True) + chunk(message_start())
    for at in range(20_000):
        tool_use = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
        yield chunk(message_event("content_block_start", index=10**9 + at, content_block=tool_use))


@behaviour
def messages_odd(_: bool) -> Pieces:
    usage = {"input_tokens": -1, "output_tokens": 10**30, "cache_read_input_tokens": "x"}
    yield head(200, stream=True) + chunk(message_start(usage=usage))
    odd: list[dict[str, Any]] = [
        {"index": "a"},
        {"index": None},
        {"delta": 3},
        {"content_block": []},
        {"message": "x"},
        {"usage": []},
    ]
    yield chunk(b"".join([message_event("odd", **one) for one in odd]))
    yield chunk(message_event("message_delta", delta={"stop_reason": "end_turn"}, usage=usage))
    yield chunk(message_event("message_stop")) + LAST_CHUNK


# AWS's event stream


def frame(total: int, headers: int, rest: bytes) -> bytes:
    prelude = struct.pack("!II", total, headers)
    return prelude + struct.pack("!I", zlib.crc32(prelude)) + rest


@behaviour
def frame_too_long(_: bool) -> Pieces:
    yield head(200, stream=True) + chunk(frame(2**32 - 1, 0, b""))
    yield from chunked_flood(b"y" * 1000)


@behaviour
def frame_of_largest_length(_: bool) -> Pieces:
    yield head(200, stream=True) + chunk(frame(16 * 1024 * 1024, 0, b""))
    yield from chunked_flood(b"y" * 1000)


@behaviour
def frame_shorter_than_its_headers(_: bool) -> Pieces:
    yield head(200, stream=True) + chunk(frame(16, 100_000, b"y" * 100)) + LAST_CHUNK


# The server

canary = socket.create_server(("127.0.0.1", 0))
escaped = 0


def read_request(connection: socket.socket) -> tuple[str, bool]:
    """Return the behaviour that a request names, and whether it wants a stream; raise `ConnectionError` at the end."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += received(connection)
    request_head, _, body = data.partition(b"\r\n\r\n")
    if request_head.startswith(b"GET"):
        return "", False
    lines = request_head.lower().split(b"\r\n")
    length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length"))
    while len(body) < length:
        body += received(connection)
    request = json.loads(body)
    content = request["messages"][-1]["content"]
    text = content if isinstance(content, str) else content[-1]["text"]
    return text.split()[0], bool(request.get("stream")) or b"converse-stream" in request_head


def received(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise ConnectionError
    return data


def serve(connection: socket.socket) -> None:
    with connection:
        try:
            while True:
                name, stream = read_request(connection)
                pieces = BEHAVIOURS[name](stream) if name else whole(json.dumps({"escaped": escaped}).encode())
                for piece in pieces:
                    connection.sendall(piece)
        except OSError:
            return


def count_escaped() -> None:
    global escaped  # noqa: PLW0603  # the one counter of this program
    while True:
        canary.accept()[0].close()
        escaped += 1


def main() -> None:
    server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    threading.Thread(target=count_escaped, daemon=True).start()
    while True:
        threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()


if __name__ == "__main__":
    main()
