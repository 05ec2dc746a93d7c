"""Connections to the store on which a waiting task can always be cancelled."""

from __future__ import annotations

import asyncio
from typing import Any

from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection


class _Cancellable(AbstractConnection):
    """Raise a cancellation that arrives just after a command was sent.

    With a timeout, `redis-py` sends within `asyncio.wait_for`. Before Python 3.12 this loses a cancellation that comes
    in the turn of the event loop after the sending (python/cpython#86296): the task goes on, possibly in an endless
    loop, and the task that cancelled it waits for its end as long.
    """

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        """Send a command; raise `asyncio.CancelledError` if the task was cancelled meanwhile."""
        task = asyncio.current_task()
        cancelled_before = task.cancelling() if task else 0
        try:
            await super().send_packed_command(command, check_health)
        finally:
            if task and task.cancelling() > cancelled_before:
                await self.disconnect(nowait=True)  # the response to the command must not be read by another task
                raise asyncio.CancelledError


class PlainConnection(_Cancellable, Connection):
    """A connection without TLS."""


class TlsConnection(_Cancellable, SSLConnection):
    """A connection with TLS."""
