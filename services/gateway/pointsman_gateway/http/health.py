"""``/healthz``, ``/readyz`` and ``/metrics``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from starlette.requests import Request
from starlette.responses import Response

from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.subjects import STREAM_SUBJECTS
from pointsman.runtime.bus import BusError, NoResponders
from pointsman.runtime.probe import readiness_response
from pointsman.runtime.store.errors import StateError
from pointsman.runtime.telemetry import metrics
from pointsman_gateway.api.views import Health
from pointsman_gateway.backends import Backends
from pointsman_gateway.http.response import HttpResponse

_PATIENCE_S = 1.0
_PING = "$SRV.PING.decision"


class HealthPages:
    """Answers probes.

    Parameters
    ----------
    backends : Backends
    """

    def __init__(self, backends: Backends) -> None:
        self._backends = backends

    async def alive(self, _: Request) -> Response:
        """Answer that the process runs; it serves, degraded if need be, whatever else is gone."""
        return HttpResponse(200, encode(Health())).response()

    async def ready(self, _: Request) -> Response:
        """Ask everything that the gateway stands in front of."""
        nats, streams, store, decision = await asyncio.gather(
            self._nats(), _asked(self._streams()), _asked(self._backends.store.ping()), _asked(self._decision())
        )
        return readiness_response({"nats": nats, "streams": streams, "store": store, "decision": decision})

    async def metrics(self, _: Request) -> Response:
        """Return the metrics in Prometheus' text format."""
        return Response(metrics.render(), media_type=metrics.CONTENT_TYPE)

    async def _nats(self) -> str:
        return "ok" if self._backends.bus is not None else "not connected"

    async def _streams(self) -> None:
        bus = self._backends.require_bus()
        await asyncio.gather(*[bus.info(name, _PATIENCE_S) for name in STREAM_SUBJECTS])

    async def _decision(self) -> None:
        try:
            await self._backends.require_bus().requests.call(_PING, b"", _PATIENCE_S)
        except NoResponders as error:
            raise BusError("no replica") from error


async def _asked(check: Awaitable[None]) -> str:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await check
    except (BusError, StateError) as error:
        return str(error)
    except TimeoutError:
        return "no answer in time"
    return "ok"
