"""Detects a client that disconnects while its answer is made, so that the provider can be stopped."""

from __future__ import annotations

import asyncio

from starlette.types import Message, Receive

START_DELAY_S = 0.02
"""Answers that are ready by then are not watched: starting a task costs more than it could save."""


class DisconnectWatch:
    """Cancels the task that created it when the client disconnects. Create it after the body has been read.

    The task receives a `CancelledError`; `client_left` shows that the client caused it, and `absorb_cancellation` lets
    the task continue.
    """

    def __init__(self, receive: Receive) -> None:
        self.client_left = False
        self._receive = receive
        self._task = asyncio.current_task()
        self._watching: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(START_DELAY_S, self._begin)

    def stop(self) -> None:
        """Stop watching; idempotent."""
        self._timer.cancel()
        self._task = None
        if self._watching is not None:
            self._watching.cancel()

    def absorb_cancellation(self) -> bool:
        """Return whether the client caused the cancellation of the task, and if so clear it."""
        if self.client_left:
            task = asyncio.current_task()
            if task is not None:
                task.uncancel()
        return self.client_left

    def _begin(self) -> None:
        self._watching = asyncio.create_task(self._watch(), name="disconnect watch")

    async def _watch(self) -> None:
        message: Message = {"type": ""}
        while message["type"] != "http.disconnect":
            message = await self._receive()
        if self._task is not None:
            self.client_left = True
            self._task.cancel()
