"""A service that is stopped, or cannot start, ends."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import socket

import pytest

from pointsman.contracts.config.services import ProbeConfig
from pointsman.runtime import service as runtime_service

ENDS_WITHIN_S = 10.0


async def test_work_that_swallows_a_cancellation_is_cancelled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime_service, "SHUTDOWN_TIMEOUT_S", 0.05)
    cancelled = 0

    async def work() -> None:
        nonlocal cancelled
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            cancelled += 1
            await asyncio.Event().wait()
        finally:
            cancelled += 1

    stop = asyncio.Event()
    stop.set()
    service = asyncio.create_task(runtime_service.run_with_probe(ProbeConfig(port=0), dict, work(), stop))
    await asyncio.wait({service}, timeout=ENDS_WITHIN_S)
    ended = service.done()
    service.cancel()  # or the test itself would not end where it fails
    await asyncio.wait({service})
    assert ended
    assert cancelled == 2


async def test_a_service_whose_probe_port_is_in_use_fails_with_that_error_only() -> None:
    async def work() -> None:
        raise AssertionError("the work does not start")

    coroutine = work()
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        probe = ProbeConfig(port=taken.getsockname()[1])
        await runtime_service.run_with_probe(probe, dict, coroutine, asyncio.Event())
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED
