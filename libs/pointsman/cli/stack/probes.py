"""Probes of running servers: NATS by its greeting, the store by its process id, a service by ``/readyz``."""

import asyncio
import re
from urllib.parse import urlsplit

import msgspec

from pointsman.cli.stack.errors import ProbeFailed
from pointsman.runtime.http import blocking
from pointsman.runtime.http.errors import HttpError
from pointsman.runtime.http.response import CompleteResponse
from pointsman.runtime.peer import check_peer

PROBE_TIMEOUT_S = 2.0


class NatsInfo(msgspec.Struct, frozen=True):
    """Greeting of a NATS server."""

    server_name: str = ""
    jetstream: bool = False


class _Readiness(msgspec.Struct, frozen=True):
    checks: dict[str, str] = {}


async def http_get(url: str, timeout_s: float = PROBE_TIMEOUT_S) -> CompleteResponse:
    """Send a GET to a process of this machine, whatever its certificate. Raise `ProbeFailed` on failure."""
    try:
        return await asyncio.to_thread(blocking.get, url, timeout_s, verify_tls=False)
    except HttpError as error:
        raise ProbeFailed(f"{url}: {error}") from error


def failed_checks(readiness: CompleteResponse) -> str:
    """Return the failed checks of a response of ``/readyz`` in one line; empty when the service is ready."""
    if readiness.status == 200:
        return ""
    try:
        checks = msgspec.json.decode(readiness.body, type=_Readiness).checks
    except msgspec.MsgspecError:
        checks = {}
    failed = ", ".join(f"{name} {state}" for name, state in checks.items() if state != "ok")
    return failed or f"HTTP {readiness.status}"


async def check_owner(url: str, supervisor: int | None, timeout_s: float = PROBE_TIMEOUT_S) -> None:
    """Raise `ProbeFailed` unless a child process of ``supervisor`` responds at ``url``; None accepts any process."""
    if supervisor is None:
        return
    parts = urlsplit(url)
    try:
        async with asyncio.timeout(timeout_s):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port)
            try:
                await check_peer(writer, supervisor)
            finally:
                writer.close()
    except (OSError, TimeoutError) as error:
        raise ProbeFailed(f"{url}: {str(error) or 'no response in time'}") from error


async def nats_info(url: str, *, supervisor: int | None = None, timeout_s: float = PROBE_TIMEOUT_S) -> NatsInfo:
    """Return the greeting of the server at ``nats://host:port``, a child process of ``supervisor`` unless it is None.

    Raise `ProbeFailed` on failure.
    """
    line = await _exchange(url, 4222, b"", b"\r\n", supervisor, timeout_s)
    if not line.startswith(b"INFO "):
        raise ProbeFailed(f"{url}: not a NATS server: {line[:80]!r}")
    try:
        return msgspec.json.decode(line[5:], type=NatsInfo)
    except msgspec.MsgspecError as error:
        raise ProbeFailed(f"{url}: {error}") from error


async def store_pid(
    url: str,
    user: str = "",
    password: str = "",
    *,
    supervisor: int | None = None,
    timeout_s: float = PROBE_TIMEOUT_S,
) -> int:
    """Return the process id of the store at ``redis://host:port`` once it serves commands.

    The password is sent only to a child process of ``supervisor``, unless that is None. Raise `ProbeFailed` also while
    the store loads its data.
    """
    login = f"AUTH {user} {password}\r\n" if password else ""
    reply = await _exchange(url, 6379, f"{login}PING\r\nINFO server\r\nQUIT\r\n".encode(), None, supervisor, timeout_s)
    found = re.search(rb"^process_id:(\d+)", reply, re.MULTILINE)
    if not reply.removeprefix(b"+OK\r\n").startswith(b"+PONG\r\n") or found is None:
        raise ProbeFailed(f"{url}: {reply[:80].decode(errors='replace').strip()}")
    return int(found[1])


async def _exchange(
    url: str, default_port: int, request: bytes, until: bytes | None, supervisor: int | None, timeout_s: float
) -> bytes:
    """Send bytes; return what comes until ``until``, or until the server closes the connection."""
    parts = urlsplit(url)
    host, port = parts.hostname or "127.0.0.1", parts.port or default_port
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                await check_peer(writer, supervisor)
                writer.write(request)
                await writer.drain()
                return await (reader.read(-1) if until is None else reader.readuntil(until))
            finally:
                writer.close()
    except (OSError, TimeoutError, EOFError, asyncio.LimitOverrunError) as error:
        raise ProbeFailed(f"{host}:{port}: {str(error) or 'no response in time'}") from error
