"""``GET /v1/alerts``: alerts of all services, newest first."""

import asyncio
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.requests import Request

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import decode
from pointsman.contracts.messages.errors import MessageError
from pointsman.contracts.messages.notices import alert_decoder
from pointsman.runtime.bus import Bus, StoredMessage
from pointsman_gateway.api.parameters import TierName
from pointsman_gateway.backends import Backends
from pointsman_gateway.http.endpoint import AnswerType, HttpEndpoint

DEFAULT_LIMIT, MAX_LIMIT = 50, 200
CHUNK = 100
"""Messages that are fetched concurrently."""
MAX_READ = 2000
"""Messages that are searched for the alerts of one tier."""
ALL_TIERS = "_all"
"""Tier of alerts that concern all tiers."""


class AlertView(msgspec.Struct, frozen=True, kw_only=True):
    """Something that needs attention.

    Attributes
    ----------
    sequence: Sequence in the stream ALERTS.
    kind: ``halted``, ``log-filling``, ``replicas``, ``drift``, ``regret``, ``report``, ``promotion`` or another.
    tier: ``_all`` when it concerns all tiers.
    service: The service that raised it.
    detail: The same as data; its fields depend on the kind.
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


class AlertsQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query parameters of ``GET /v1/alerts``."""

    tier: Annotated[TierName | None, Meta(description="This tier, and alerts on all tiers; by default every alert")] = (
        None
    )
    limit: Annotated[int, Meta(ge=1, le=MAX_LIMIT, description="Most alerts to return")] = DEFAULT_LIMIT


class AlertsHandler:
    """Handler of requests for alerts."""

    def __init__(self, backends: Backends) -> None:
        self._backends = backends
        self._timeout_s = backends.config.gateway.log_timeout_ms / 1000.0

    @HttpEndpoint(
        "GET /v1/alerts",
        name="listAlerts",
        tag="insight",
        scope="read",
        summary="List the alerts",
        description="Alerts are listed for as long as the stream ALERTS keeps them.",
        query=AlertsQuery,
        answers={200: AnswerType("The alerts, newest first", AlertListResponse)},
        problems=(404, 503),
    )
    async def get(self, _: Request, query: AlertsQuery) -> AlertListResponse:
        """Answer one request."""
        tier = self._backends.require_tier(query.tier) if query.tier is not None else None
        return AlertListResponse(alerts=await self._read(self._backends.require_bus(), query.limit, tier))

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
    return msgspec.convert({**msgspec.structs.asdict(alert), "sequence": message.sequence}, AlertView)
