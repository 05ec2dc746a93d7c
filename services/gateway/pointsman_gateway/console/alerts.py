"""``GET /v1/alerts``: what a person should look at, the newest first."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import decode, encode
from pointsman.contracts.messages.errors import InvalidMessage, MessageError
from pointsman.contracts.messages.notices import alert_decoder
from pointsman.runtime.bus import Bus, StoredMessage
from pointsman_gateway.backends import Backends
from pointsman_gateway.console.system_views import AlertList, AlertView
from pointsman_gateway.http.query import read_query
from pointsman_gateway.http.response import HttpResponse

DEFAULT_LIMIT, MAX_LIMIT = 50, 200
CHUNK = 100
"""Messages that are fetched at once."""
MAX_READ = 2000
"""Messages that are looked at for the alerts of one tier."""
ALL_TIERS = "_all"
"""Stands for the tier in alerts that are about all of them."""
_PARAMETERS = frozenset({"limit", "tier"})


class Alerts:
    """Lists alerts.

    Parameters
    ----------
    backends : Backends
    """

    def __init__(self, backends: Backends) -> None:
        self._backends = backends
        self._timeout_s = backends.config.gateway.log_timeout_ms / 1000.0

    async def get(self, request: Request) -> Response:
        """Answer one request."""
        query = read_query(request, _PARAMETERS)
        limit = _parse_limit(query.get("limit", str(DEFAULT_LIMIT)))
        tier = self._backends.require_tier(query["tier"]) if "tier" in query else None
        bus = self._backends.require_bus()
        return HttpResponse(200, encode(AlertList(alerts=await self._read(bus, limit, tier)))).response()

    async def _read(self, bus: Bus, limit: int, tier: str | None) -> list[AlertView]:
        """Return the newest alerts; of one tier, with those that are about all of them."""
        state = (await bus.info(subjects.ALERTS, self._timeout_s)).state
        found: list[AlertView] = []
        last, first = state.last_seq, max(state.first_seq, state.last_seq - MAX_READ + 1, 1)
        while last >= first and len(found) < limit:
            size = min(limit if tier is None else CHUNK, CHUNK, last - first + 1)
            sequences = range(last, last - size, -1)
            messages = await asyncio.gather(*(bus.get(subjects.ALERTS, at, self._timeout_s) for at in sequences))
            views = [_view(message) for message in messages if message is not None]
            found += [view for view in views if view is not None and (tier is None or view.tier in (tier, ALL_TIERS))]
            last -= size
        return found[:limit]


def _view(message: StoredMessage) -> AlertView | None:
    """Return an alert as it is shown; None for what is none."""
    try:
        alert = decode(alert_decoder, message.data)
    except MessageError:
        return None
    return AlertView(
        sequence=message.sequence,
        kind=alert.kind,
        tier=alert.tier,
        text=alert.text,
        service=alert.service,
        raised_at_ms=alert.raised_at_ms,
        detail=alert.detail,
    )


def _parse_limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= MAX_LIMIT):
        raise InvalidMessage("limit", f"expected 1 to {MAX_LIMIT}, got {text[:80]!r}")
    return int(text)
