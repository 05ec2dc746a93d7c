"""Does it answer? HTTP, NATS and the store, asked with nothing but a socket."""

from __future__ import annotations

import asyncio
import re
import ssl
from urllib.parse import urlsplit

import msgspec

from pointsman.cli.stack.errors import NoAnswer


class NatsInfo(msgspec.Struct, frozen=True):
    """What a NATS server says of itself to whoever connects."""

    server_name: str = ""
    version: str = ""
    jetstream: bool = False
    max_payload: int = 0


async def http_get(url: str, timeout_s: float = 2.0) -> tuple[int, bytes]:
    """Return status and body.

    Raises
    ------
    NoAnswer
    """
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.hostname or "127.0.0.1"
    request = f"GET {path} HTTP/1.0\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n"
    tls = _own_certificate() if parts.scheme == "https" else None
    answer = await _exchange(host, parts.port or (443 if tls else 80), request.encode(), None, timeout_s, tls)
    head, _, body = answer.partition(b"\r\n\r\n")
    fields = head.split(b" ", 2)
    if len(fields) < 2 or not head.startswith(b"HTTP/") or not fields[1].isdigit():
        raise NoAnswer(f"{url}: not an HTTP answer: {head[:80]!r}")
    return int(fields[1]), body


async def nats_info(url: str, timeout_s: float = 2.0) -> NatsInfo:
    """Return what the server at ``nats://host:port`` says of itself.

    Raises
    ------
    NoAnswer
    """
    parts = urlsplit(url)
    line = await _exchange(parts.hostname or "127.0.0.1", parts.port or 4222, b"", b"\r\n", timeout_s)
    if not line.startswith(b"INFO "):
        raise NoAnswer(f"{url}: not a NATS server: {line[:80]!r}")
    try:
        return msgspec.json.decode(line[5:], type=NatsInfo)
    except msgspec.MsgspecError as error:
        raise NoAnswer(f"{url}: {error}") from error


async def store_pid(url: str, user: str = "", password: str = "", timeout_s: float = 2.0) -> int:
    """Return the process id of the store at ``redis://host:port``, once it serves commands.

    Raises
    ------
    NoAnswer
        Also while it is still loading its data.
    """
    parts = urlsplit(url)
    login = f"AUTH {user} {password}\r\n" if password else ""
    request = f"{login}PING\r\nINFO server\r\nQUIT\r\n".encode()
    answer = await _exchange(parts.hostname or "127.0.0.1", parts.port or 6379, request, None, timeout_s)
    found = re.search(rb"^process_id:(\d+)", answer, re.MULTILINE)
    if not answer.removeprefix(b"+OK\r\n").startswith(b"+PONG\r\n") or found is None:
        raise NoAnswer(f"{url}: {answer[:80].decode(errors='replace').strip()}")
    return int(found[1])


def _own_certificate() -> ssl.SSLContext:
    """Return what takes any certificate: the stack asks its own process, by an address that no certificate names."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def _exchange(
    host: str, port: int, request: bytes, until: bytes | None, timeout_s: float, tls: ssl.SSLContext | None = None
) -> bytes:
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(host, port, ssl=tls)
            try:
                writer.write(request)
                await writer.drain()
                return await (reader.read(-1) if until is None else reader.readuntil(until))
            finally:
                writer.close()
    except (OSError, TimeoutError, EOFError, asyncio.LimitOverrunError) as error:
        raise NoAnswer(f"{host}:{port}: {str(error) or 'no answer in time'}") from error
