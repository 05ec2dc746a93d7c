"""Restart of the embedded NATS after a failed write.

NATS keeps the error of a failed write, such as that of a full disk: it refuses all later appends to the stream, even
when there is room again, until it is restarted. ``/healthz`` of its monitor reports the error.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from pointsman.cli.stack.errors import ProbeFailed
from pointsman.cli.stack.probes import http_get
from pointsman.runtime.backoff import backoff_s
from pointsman.runtime.telemetry.logs import logger

log = logger("stack")

CHECK_INTERVAL_S = 2.0
ROOM_BYTES = 4 * 1024**2
"""Size of the file that must fit on the disk before NATS is restarted."""
RESTART_FIRST_DELAY_S = 5.0
RESTART_MAX_DELAY_S = 300.0
STABLE_AFTER_S = 60.0
_WRITE_ERROR = "write error"


class _Health(msgspec.Struct, frozen=True):
    error: str = ""


class NatsRecovery:
    """Restarts NATS when a write has failed and there is room again.

    Parameters
    ----------
    monitor_url : str
        Address of NATS' monitor.
    folder : path
        Where NATS keeps its data.
    restart : function
        Restarts NATS; receives the reason.
    on_event : function
        Receives one line when writing has failed, and one when it works again.
    """

    def __init__(
        self,
        monitor_url: str,
        folder: Path,
        restart: Callable[[str], Awaitable[None]],
        on_event: Callable[[str], None],
    ) -> None:
        self._monitor_url = monitor_url
        self._folder = folder
        self._restart = restart
        self._on_event = on_event
        self._problem = ""
        self._restarts = 0
        self._may_restart_at_s = 0.0

    async def run(self) -> None:
        """Check at intervals until cancelled; no error ends it."""
        while True:
            await asyncio.sleep(CHECK_INTERVAL_S)
            try:
                await self._check()
            except ProbeFailed as error:  # NATS does not run; its supervision restarts it
                log.debug("NATS: %s", error)
            except Exception:
                log.exception("NATS cannot be checked")

    async def _check(self) -> None:
        problem = await write_error(self._monitor_url)
        now_s = time.monotonic()
        if not problem:
            if self._problem:
                self._problem = ""
                self._on_event("nats can write again")
            if now_s - self._may_restart_at_s > STABLE_AFTER_S:
                self._restarts = 0
            return
        if not self._problem:
            self._problem = problem
            self._on_event(
                f"nats cannot write ({problem}): decisions are degraded and outcomes are refused; it is restarted when "
                f"there is room in {self._folder}"
            )
        if now_s < self._may_restart_at_s or not await asyncio.to_thread(has_room, self._folder):
            return
        self._restarts += 1
        self._may_restart_at_s = now_s + backoff_s(self._restarts, RESTART_FIRST_DELAY_S, RESTART_MAX_DELAY_S)
        await self._restart("is restarted: it refuses to write since a write failed, and there is room again")


async def write_error(monitor_url: str) -> str:
    """Return the error of a failed write that NATS keeps; empty without one. Raise `ProbeFailed` without an answer."""
    answer = await http_get(f"{monitor_url}/healthz")
    if answer.status == 200:
        return ""
    try:
        error = msgspec.json.decode(answer.body, type=_Health).error
    except msgspec.MsgspecError:
        return ""
    return error if _WRITE_ERROR in error else ""  # other errors are those of a start that is not complete


def has_room(folder: Path) -> bool:
    """Return whether `ROOM_BYTES` can be written to a folder: free space alone does not reveal a quota."""
    try:
        with tempfile.TemporaryFile(dir=folder, prefix=".room-") as file:
            file.write(bytes(ROOM_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        log.debug("no room in %s: %s", folder, error)
        return False
    return True
