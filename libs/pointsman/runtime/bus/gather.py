"""One request, and the answers of everybody who has one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from pointsman.runtime.bus.bus import Bus
from pointsman.runtime.bus.errors import BusUnavailable


async def gather(
    bus: Bus, subject: str, *, wait_s: float, quiet_s: float, enough: Callable[[Sequence[Msg]], bool]
) -> list[Msg]:
    """Return the answers that come in time.

    Nobody knows how many there will be. So it ends when no answer has come for a while and those that came are enough,
    or when the time is up.

    Parameters
    ----------
    wait_s : float
        The longest that is waited.
    quiet_s : float
        How long a silence says that all have answered, if `enough` agrees.
    enough : callable
        Told the answers so far, whether everybody who was known to be there is among them.

    Raises
    ------
    BusUnavailable
        When the question cannot be asked.
    """
    if not bus.connected:
        raise BusUnavailable("not connected to NATS")
    loop = asyncio.get_running_loop()
    answers: list[Msg] = []
    arrived = asyncio.Event()
    nobody = False

    async def take(message: Msg) -> None:
        nonlocal nobody
        if message.headers and message.headers.get("Status") == "503":
            nobody = True
        else:
            answers.append(message)
        arrived.set()

    inbox = bus.nats.new_inbox()
    try:
        subscription = await bus.nats.subscribe(inbox, cb=take)
        try:
            await bus.nats.publish(subject, b"", reply=inbox)
            deadline = loop.time() + wait_s
            while not nobody and (left := deadline - loop.time()) > 0.0:
                arrived.clear()
                try:
                    async with asyncio.timeout(min(left, quiet_s) if answers and enough(answers) else left):
                        await arrived.wait()
                except TimeoutError:
                    break
        finally:
            await subscription.unsubscribe()
    except NatsError as error:
        raise BusUnavailable(f"cannot ask {subject}: {error}") from error
    return answers
