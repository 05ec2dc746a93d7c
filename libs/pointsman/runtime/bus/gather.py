"""One request to many responders."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from nats.aio.msg import Msg as Message

from pointsman.runtime.bus.bus import Bus
from pointsman.runtime.bus.errors import BusUnavailable, bus_errors


async def gather(
    bus: Bus, subject: str, *, wait_s: float, quiet_s: float, enough: Callable[[Sequence[Message]], bool]
) -> list[Message]:
    """Return the responses of all processes that serve a subject.

    Their number is unknown. So it ends after a pause without a response, if the responses so far are enough, or when
    the time is up.

    ``wait_s``: maximum time to wait.
    ``quiet_s``: pause without a response that ends the wait, if `enough` agrees.
    ``enough``: given the responses so far, returns whether all processes that are known are among them.

    Raise `BusUnavailable` when the request cannot be sent.
    """
    if not bus.connected:
        raise BusUnavailable("not connected to NATS")
    loop = asyncio.get_running_loop()
    responses: list[Message] = []
    arrived = asyncio.Event()
    no_responders = False

    async def on_message(message: Message) -> None:
        nonlocal no_responders
        if message.headers and message.headers.get("Status") == "503":
            no_responders = True
        else:
            responses.append(message)
        arrived.set()

    inbox = bus.nats.new_inbox()
    subscription = await bus.subscribe(inbox, on_message)
    try:
        with bus_errors(f"cannot send to {subject}"):
            await bus.nats.publish(subject, b"", reply=inbox)
        deadline = loop.time() + wait_s
        while not no_responders and (left := deadline - loop.time()) > 0.0:
            arrived.clear()
            try:
                async with asyncio.timeout(min(left, quiet_s) if responses and enough(responses) else left):
                    await arrived.wait()
            except TimeoutError:
                break
    finally:
        await subscription.unsubscribe()
    return responses
