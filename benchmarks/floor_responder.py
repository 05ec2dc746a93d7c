"""The floor's replica: a request in, one acknowledged JetStream publish, a reply. Run as ``module NATS_URL PORT``.

It decodes the request and answers with constants of the size that the real replica logs and answers with, so that the
same bytes travel, and no work is done for them.
"""

from __future__ import annotations

import asyncio
import gc
import sys

from nats.aio.msg import Msg

from benchmarks.floor_gateway import SUBJECT
from pointsman.contracts.config.services import ProbeConfig
from pointsman.contracts.messages.decision import request_decoder
from pointsman.runtime.bus import Bus, read_ack
from pointsman.runtime.service import run_with_probe

STREAM = "FLOOR"
LOG_SUBJECT = "floor.log"
SIZES_SUBJECT = "floor.sizes"
TIMEOUT_S = 2.0


class Responder:
    """Answers requests; each in a task of its own, so that their acknowledgements are awaited together."""

    def __init__(self) -> None:
        self.event = b"{}"
        self.answer = b"{}"
        self.ready = False
        self._bus: Bus | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, nats_url: str) -> None:
        """Serve until cancelled."""
        self._bus = bus = await Bus.connect(nats_url, "floor-responder")
        await bus.nats.jetstream().add_stream(name=STREAM, subjects=[LOG_SUBJECT], max_bytes=192 * 1024**2)
        await bus.nats.subscribe(SIZES_SUBJECT, cb=self._on_sizes)
        await bus.nats.subscribe(SUBJECT, queue="floor", cb=self._on_request)
        self.ready = True
        await asyncio.Event().wait()

    async def _on_sizes(self, message: Msg) -> None:
        event, answer = message.data.split()
        self.event, self.answer = b"x" * int(event), b"x" * int(answer)
        await message.respond(b"ok")

    async def _on_request(self, message: Msg) -> None:
        task = asyncio.create_task(self._answer(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, message: Msg) -> None:
        assert self._bus is not None
        request_decoder.decode(message.data)
        read_ack(await self._bus.requests.call(LOG_SUBJECT, self.event, TIMEOUT_S))
        await self._bus.nats.publish(message.reply, self.answer)


async def main(nats_url: str, port: int) -> None:
    """Serve until the process is stopped."""
    responder = Responder()

    def readiness() -> dict[str, str]:
        return {"responder": "ok" if responder.ready else "starting"}

    await run_with_probe(ProbeConfig(port=port), readiness, responder.run(nats_url), asyncio.Event())


if __name__ == "__main__":
    import uvloop

    gc.collect()
    gc.freeze()  # as the services do
    uvloop.run(main(sys.argv[1], int(sys.argv[2])))
