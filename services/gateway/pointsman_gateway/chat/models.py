"""``GET /v1/models``: the models that clients of both dialects can name."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request

from pointsman.contracts.messages.codec import encode
from pointsman_gateway.chat.errors import dialect_of, error_response
from pointsman_gateway.chat.request.routing import Routing
from pointsman_gateway.http.response import HttpResponse


class Models:
    """Lists models in Anthropic's form for clients that send ``anthropic-version``, otherwise in OpenAI's."""

    def __init__(self, routing: Routing) -> None:
        self._routing = routing
        self._created_s = int(time.time())

    async def list(self, request: Request) -> HttpResponse:
        """Return all models."""
        names = self._routing.models
        if dialect_of(request.headers) == "anthropic":
            page = {
                "data": [self._anthropic(name) for name in names],
                "has_more": False,
                "first_id": names[0],
                "last_id": names[-1],
            }
            return HttpResponse(200, encode(page))
        return HttpResponse(200, encode({"object": "list", "data": [self._openai(name) for name in names]}))

    async def get(self, request: Request) -> HttpResponse:
        """Return one model."""
        name: str = request.path_params["model"]
        dialect = dialect_of(request.headers)
        if name not in self._routing.models:
            return error_response(dialect, self._routing.unknown(name))
        return HttpResponse(200, encode(self._anthropic(name) if dialect == "anthropic" else self._openai(name)))

    def _openai(self, name: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": self._created_s, "owned_by": "pointsman"}

    def _anthropic(self, name: str) -> dict[str, Any]:
        created_at = datetime.fromtimestamp(self._created_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"type": "model", "id": name, "display_name": name, "created_at": created_at}
