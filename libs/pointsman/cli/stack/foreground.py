"""Run a stack in the foreground until a signal arrives."""

import asyncio
import signal
from collections.abc import Callable, Coroutine

from pointsman.cli.stack.stack import Stack

HINT_DELAY_S = 2.0
_HINT = "requests in progress are finished first; a second signal, or Ctrl-C, ends everything at once"


async def run_in_foreground(stack: Stack, work: Coroutine[None, None, None], on_event: Callable[[str], None]) -> None:
    """Run ``work`` until it ends or SIGINT, SIGTERM or SIGHUP arrives; then stop the stack.

    The first signal cancels ``work``; the second one kills the processes of the stack. SIGHUP is left alone where it is
    ignored, as under nohup.
    """
    task = asyncio.create_task(work)
    signalled = False

    def on_signal() -> None:
        nonlocal signalled
        if signalled:  # not `task.cancelling()`: work that has failed cannot be cancelled, but stopping may hang
            stack.kill()
        signalled = True
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            asyncio.get_running_loop().add_signal_handler(number, on_signal)
    try:
        await task
    except asyncio.CancelledError:
        on_event("stopping")
    finally:
        hint = asyncio.get_running_loop().call_later(HINT_DELAY_S, on_event, _HINT)
        await stack.stop()
        hint.cancel()
