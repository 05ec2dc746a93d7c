"""``GET /v1/alerts``: alerts of all services, newest first."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import decode, encode
from pointsman.contracts.messages.errors import InvalidMessage, MessageError
from pointsman.contracts.messages.notices import alert_decoder
from pointsman.runtime.bus import Bus, StoredMessage
from pointsman_gateway.backends import Backends
from pointsman_gateway.http.query import read_query
from pointsman_gateway.http.response import HttpResponse

DEFAULT_LIMIT, MAX_LIMIT = 50, 200
CHUNK = 100
"""Messages that are fetched concurrently."""
MAX_READ = 2000
"""Messages that are searched for the alerts of one tier."""
ALL_TIERS = "_all"
"""Tier of alerts that concern all tiers."""
_PARAMETERS = frozenset({"limit", "tier"})


class AlertView(msgspec.Struct, frozen=True, kw_only=True):
    """Something that needs attention.

    Attributes
    ----------
    sequence : int
        Sequence in the stream ALERTS.
    kind : str
        ``halted``, ``log-filling``, ``regret``, ``report``, ``promotion`` or another.
    tier : str
        ``_all`` when it concerns all tiers.
    service : str
        The service that raised it.
    detail : object or None
        The same as data; its fields depend on the kind.
    """

    sequence: int
    kind: str
    tier: str
    text: str
    service: str
    raised_at_ms: int
    detail: dict[str, Any] | None = None


class AlertListResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to ``GET /v1/alerts``: the newest alert first."""

    alerts: list[AlertView]


class AlertsHandler:
    """Handler of requests for alerts.

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
        alerts = await self._read(self._backends.require_bus(), limit, tier)
        return HttpResponse(200, encode(AlertListResponse(alerts=alerts))).response()

    async def _read(self, bus: Bus, limit: int, tier: str | None) -> list[AlertView]:
        """Return the newest alerts; for a tier, also those that concern all tiers."""
        state = (await bus.info(subjects.ALERTS, self._timeout_s)).state
        found: list[AlertView] = []
        last, first = state.last_seq, max(state.first_seq, state.last_seq - MAX_READ + 1, 1)
        while last >= first and len(found) < limit:
            size = min(limit if tier is None else CHUNK, CHUNK, last - first + 1)
            sequences = range(last, last - size, -1)
            messages = await asyncio.gather(*(bus.get(subjects.ALERTS, at, self._timeout_s) for at in sequences))
            alerts = [_view(message) for message in messages if message is not None]
            found += [alert for alert in alerts if alert and (tier is None or alert.tier in (tier, ALL_TIERS))]
            last -= size
        return found[:limit]


def _view(message: StoredMessage) -> AlertView | None:
    """Return the alert; None if the message cannot be decoded."""
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
