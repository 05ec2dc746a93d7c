"""The life of a service: probes from the first moment, work until told to stop, a failure that ends the process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from typing import Any

from pointsman.contracts.config.schema import ProbeConfig
from pointsman.runtime.probe import Probe, Readiness

STOP_WAIT_S = 3.0


async def run_with_probe(
    config: ProbeConfig, readiness: Readiness, work: Coroutine[Any, Any, None], stop: asyncio.Event
) -> None:
    """Answer probes while the work runs; when told to stop, give the work a moment to end by itself.

    Raises whatever the work raises, so that the process ends and is started anew.
    """
    probe = Probe(config.host, config.port, readiness)
    await probe.start()
    task = asyncio.create_task(work)
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            await asyncio.wait({task}, timeout=STOP_WAIT_S)
        while not task.done():  # before Python 3.12, `asyncio.wait_for`, and so a library, may swallow a cancellation
            task.cancel()
            await asyncio.wait({task}, timeout=STOP_WAIT_S)
        with contextlib.suppress(asyncio.CancelledError):
            await task
    finally:
        stopped.cancel()
        await probe.stop()


async def wait_until_stopped(stop: asyncio.Event, tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Wait until told to stop; raise what a task fails with, should one end before."""
    waiting = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({waiting, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()
                raise RuntimeError(f"{task.get_name()} ended")
    finally:
        waiting.cancel()
