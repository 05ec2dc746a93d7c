"""Signals to a stack in the foreground."""

import asyncio
import os
import signal

import pytest

from pointsman.cli.stack.errors import StartFailed
from pointsman.cli.stack.foreground import run_in_foreground
from pointsman.cli.stack.stack import Stack
from pointsman.contracts.config import Config


class HangingStack(Stack):
    """Does not stop until it is killed."""

    def __init__(self) -> None:
        super().__init__(Config())
        self.stopping = asyncio.Event()
        self.killed = asyncio.Event()

    async def stop(self) -> None:
        self.stopping.set()
        await self.killed.wait()

    def kill(self) -> None:
        self.killed.set()


async def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    await asyncio.sleep(0.05)  # the handler runs in the loop


@pytest.fixture
async def stack() -> HangingStack:
    return HangingStack()


async def test_second_signal_kills_a_stack_that_hangs_after_a_failed_start(stack: HangingStack) -> None:
    async def work() -> None:
        raise StartFailed("not ready")

    running = asyncio.create_task(run_in_foreground(stack, work(), lambda _: None))
    await stack.stopping.wait()
    await interrupt()
    assert not stack.killed.is_set()
    await interrupt()
    assert stack.killed.is_set()
    with pytest.raises(StartFailed):
        await running


async def test_second_signal_kills_a_stack_that_hangs_after_the_first(stack: HangingStack) -> None:
    events: list[str] = []
    running = asyncio.create_task(run_in_foreground(stack, asyncio.sleep(60), events.append))
    await asyncio.sleep(0)
    await interrupt()
    assert stack.stopping.is_set()
    assert not stack.killed.is_set()
    await interrupt()
    assert stack.killed.is_set()
    await running
    assert events == ["stopping"]
