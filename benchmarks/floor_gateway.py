"""The floor's edge: FastAPI and msgspec, one NATS request, nothing else. Run as ``module NATS_URL PORT``."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
from collections.abc import AsyncIterator

import msgspec
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import Response

from pointsman.contracts.messages.decision import request_decoder
from pointsman.runtime.bus import Bus

SUBJECT = "floor.decide"
TIMEOUT_S = 2.0


def make_app(nats_url: str) -> FastAPI:
    """Return the application."""
    buses: list[Bus] = []

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        buses.append(await Bus.connect(nats_url, "floor-gateway"))
        yield
        await buses.pop().close()

    app = FastAPI(lifespan=lifespan)

    @app.post("/v1/decisions")
    async def decide(request: Request) -> Response:
        body = await request.body()
        try:
            request_decoder.decode(body)
        except msgspec.MsgspecError as error:
            return Response(str(error), 422)
        answer = await buses[0].requests.call(SUBJECT, body, TIMEOUT_S)
        return Response(answer.data, media_type="application/json")

    @app.get("/readyz")
    async def readyz() -> Response:
        return Response(b"ready")

    return app


async def main(nats_url: str, port: int) -> None:
    """Serve until the process is stopped."""
    config = uvicorn.Config(make_app(nats_url), host="127.0.0.1", port=port, log_level="warning", access_log=False)
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    import uvloop

    gc.collect()
    gc.freeze()  # as the services do
    with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
        uvloop.run(main(sys.argv[1], int(sys.argv[2])))
