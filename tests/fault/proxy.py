"""A TCP proxy that can cut, stall, slow and trap what goes through it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field

READ_BYTES = 64 * 1024


@dataclass(slots=True, eq=False)
class Trap:
    """Catches the first request that matches, on its way to the server.

    Attributes
    ----------
    matches : callable
        Looks at what a client sent.
    swallow : bool
        False: the request itself is held until `release`. True: it goes through, and its reply is held for ever.
    sprung : asyncio.Event
        Set when it has caught something: the request is held, or the reply has come and is held.
    """

    matches: Callable[[bytes], bool]
    swallow: bool = False
    sprung: asyncio.Event = field(default_factory=asyncio.Event)
    _forward: asyncio.Future[bool] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def release(self, forward: bool) -> None:
        """Let what is held go on its way after all, or drop it with its connection."""
        if not self._forward.done():
            self._forward.set_result(forward)

    async def verdict(self) -> bool:
        """Wait for the release; return whether to forward."""
        return await asyncio.shield(self._forward)


@dataclass(slots=True, eq=False)
class _Link:
    """One client's connection."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    swallowing: Trap | None = None

    def close(self) -> None:
        for writer in (self.client, self.server):
            with contextlib.suppress(OSError, RuntimeError):
                writer.transport.abort()


class Proxy:
    """Stands between one service and one server.

    Parameters
    ----------
    target_port : int
        On loopback.
    """

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._server: asyncio.Server | None = None
        self._links: set[_Link] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._refusing = False
        self._delay_s = 0.0
        self._trap: Trap | None = None
        self._sprung: list[Trap] = []
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self.heal()
        self.cut()
        if self._server is not None:
            self._server.close()
            await asyncio.sleep(0)

    def cut(self) -> None:
        """Reset every connection; new ones are accepted."""
        for link in list(self._links):
            link.close()

    def refuse(self) -> None:
        """Reset every connection, and new ones too."""
        self._refusing = True
        self.cut()

    def stall(self) -> None:
        """Let the next piece in each direction through by half, and then nothing, with all connections left open."""
        self._flowing.clear()

    def slow(self, delay_s: float) -> None:
        """Delay every piece."""
        self._delay_s = delay_s

    def set_trap(self, trap: Trap) -> None:
        """Catch the next request that matches."""
        self._trap = trap

    def heal(self) -> None:
        """Be a wire again."""
        self._refusing = False
        self._delay_s = 0.0
        self._flowing.set()
        for trap in self._sprung:
            trap.release(forward=False)
        self._sprung.clear()
        self._trap = None

    async def _serve(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        if self._refusing:
            to_client.transport.abort()
            return
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            to_client.transport.abort()
            return
        link = _Link(to_client, to_server)
        self._links.add(link)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._pump(link, from_client, to_server, self._caught))
                tasks.create_task(self._pump(link, from_server, to_client, self._swallowed))
        except* (OSError, RuntimeError):
            pass  # a connection that is cut ends this way
        finally:
            self._links.discard(link)
            link.close()

    async def _pump(
        self,
        link: _Link,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        held: Callable[[_Link, bytes], asyncio.Future[bool] | None],
    ) -> None:
        while data := await reader.read(READ_BYTES):
            waiting = held(link, data)
            if waiting is not None and not await waiting:
                break
            if self._delay_s:
                await asyncio.sleep(self._delay_s)
            if not self._flowing.is_set():
                half = len(data) // 2
                writer.write(data[:half])
                await self._flowing.wait()
                data = data[half:]
            writer.write(data)
            await writer.drain()
        link.close()

    def _caught(self, link: _Link, data: bytes) -> asyncio.Future[bool] | None:
        trap = self._trap
        if trap is None or not trap.matches(data):
            return None
        self._trap = None
        self._sprung.append(trap)
        if trap.swallow:
            link.swallowing = trap
            return None
        trap.sprung.set()
        return asyncio.ensure_future(trap.verdict())

    def _swallowed(self, link: _Link, _: bytes) -> asyncio.Future[bool] | None:
        if link.swallowing is None:
            return None
        link.swallowing.sprung.set()
        return asyncio.ensure_future(link.swallowing.verdict())
