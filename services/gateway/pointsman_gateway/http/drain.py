"""The end of an HTTP server: requests in progress are finished, or cut off with an error that clients understand."""

from __future__ import annotations

import asyncio

from pointsman.runtime.probe import Server
from pointsman.runtime.service import StopSignal
from pointsman.runtime.telemetry.logs import logger

log = logger("gateway")

CUT_TIMEOUT_S = 2.0
"""How long requests that are cut off may take to answer with an error."""


async def drain(server: Server, serving: asyncio.Task[None], stop: StopSignal, timeout_s: float) -> None:
    """Accept no more connections, wait for the requests in progress, and cancel those that take too long.

    A cancelled request answers with an error: the tasks of requests are cancelled for no other reason than this and a
    client that has disconnected.
    """
    server.should_exit = True
    at_once = asyncio.create_task(stop.at_once.wait())
    await asyncio.wait({serving, at_once}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    at_once.cancel()
    server.force_exit = True
    requests = set(server.server_state.tasks)
    if requests:
        log.warning("%d requests did not end in time and are cut off", len(requests))
        for request in requests:
            request.cancel()
        await asyncio.wait(requests, timeout=CUT_TIMEOUT_S)
    for connection in list(server.server_state.connections):
        connection.transport.close()
    await asyncio.wait({serving}, timeout=CUT_TIMEOUT_S)
