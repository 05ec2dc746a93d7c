"""Noticing that the client has gone while its answer is being made, so that nobody pays for the rest."""

from __future__ import annotations

import asyncio

from starlette.types import Message, Receive

PATIENCE_S = 0.02
"""An answer that is there by then is not worth watching for: a task costs more than most of what it could save."""


class ClientWatch:
    """Cancels the task that made it when the client hangs up. To be made when the body has been read.

    The task gets a `CancelledError`; `gone` tells that it is this one, and `settle` makes it an ordinary one.

    Parameters
    ----------
    receive : callable
        As ASGI has it.
    """

    def __init__(self, receive: Receive) -> None:
        self.gone = False
        self._receive = receive
        self._task = asyncio.current_task()
        self._watching: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(PATIENCE_S, self._begin)

    def stop(self) -> None:
        """Stop watching; repeatable."""
        self._timer.cancel()
        self._task = None
        if self._watching is not None:
            self._watching.cancel()

    def settle(self) -> bool:
        """Tell whether it was the client that ended the task, and if so let the task go on."""
        if self.gone:
            task = asyncio.current_task()
            if task is not None:
                task.uncancel()
        return self.gone

    def _begin(self) -> None:
        self._watching = asyncio.create_task(self._watch(), name="client watch")

    async def _watch(self) -> None:
        message: Message = {"type": ""}
        while message["type"] != "http.disconnect":
            message = await self._receive()
        if self._task is not None:
            self.gone = True
            self._task.cancel()
