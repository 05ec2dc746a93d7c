"""Requests as the gateway makes them."""

from __future__ import annotations

from typing import Any

import msgspec

from pointsman.llm.providers import Dialect, ProviderRequest


def ask(
    *, stream: bool = False, dialect: Dialect = "openai", headers: dict[str, str] | None = None, **fields: Any
) -> ProviderRequest:
    """A request with one message, unless the fields have others."""
    body = {"model": "tier/COMPLEX", "messages": [{"role": "user", "content": "Grüße"}], **fields}
    if dialect == "anthropic":
        body.setdefault("max_tokens", 100)
    if stream:
        body["stream"] = True
    raw = msgspec.json.encode(body)
    return ProviderRequest(dialect=dialect, body=body, raw=raw, model="m", stream=stream, headers=headers or {})
