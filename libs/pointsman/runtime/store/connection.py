"""Connections to the store on which a task that waits can always be cancelled."""

from __future__ import annotations

import asyncio
from typing import Any

from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection


class _Cancellable(AbstractConnection):
    """Passes a cancellation on that arrives just when a command has been sent.

    With a timeout, `redis-py` sends within `asyncio.wait_for`. Before Python 3.12 that forgets a cancellation which
    comes in the turn of the event loop after the sending is done (python/cpython#86296): the task goes on, in a loop
    for ever, and whoever has cancelled it waits for its end for as long.
    """

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        """Send; raise `asyncio.CancelledError` if that was asked for meanwhile, whatever became of the sending."""
        task = asyncio.current_task()
        asked_before = task.cancelling() if task else 0
        try:
            await super().send_packed_command(command, check_health)
        finally:
            if task and task.cancelling() > asked_before:
                await self.disconnect(nowait=True)  # the answer to what was sent is nobody's
                raise asyncio.CancelledError


class PlainConnection(_Cancellable, Connection):
    """A connection without TLS."""


class TlsConnection(_Cancellable, SSLConnection):
    """A connection with TLS."""
