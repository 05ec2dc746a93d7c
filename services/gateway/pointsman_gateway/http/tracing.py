"""A tracing span for each HTTP request. Wrapped around the application only when tracing is enabled."""

from __future__ import annotations

from starlette.types import Message, Receive, Scope, Send

from pointsman.runtime.telemetry.spans import Tracing
from pointsman_gateway.http.edge import Edge

NOT_TRACED = frozenset({"/healthz", "/readyz", "/metrics"})
"""Probes, which are requested every few seconds."""
_FIELDS = {b"traceparent": "traceparent", b"tracestate": "tracestate"}


class TracedApplication:
    """The ASGI application with a span around each request, below the client's span if it sends ``traceparent``."""

    def __init__(self, edge: Edge, tracing: Tracing) -> None:
        self._edge = edge
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"] in NOT_TRACED:
            await self._edge(scope, receive, send)
            return
        carrier = {_FIELDS[name]: value.decode("latin-1") for name, value in scope["headers"] if name in _FIELDS}
        attributes = {"http.request.method": scope["method"], "url.path": scope["path"], "url.scheme": scope["scheme"]}
        with self._tracing.serving(scope["method"], carrier, attributes) as span:

            async def note_status(message: Message) -> None:
                if message["type"] == "http.response.start":
                    status, route = message["status"], self._edge.route_of(scope)
                    span.update_name(f"{scope['method']} {route}")
                    span.set_attributes({"http.response.status_code": status, "http.route": route})
                    if status >= 500:
                        span.set_attribute("error.type", str(status))
                await send(message)

            await self._edge(scope, receive, note_status)
