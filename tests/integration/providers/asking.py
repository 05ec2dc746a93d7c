"""Requests as the gateway makes them."""

from __future__ import annotations

from typing import Any

import msgspec

from pointsman.llm.providers.answer import Answer
from pointsman.llm.providers.answer.complete import CompleteAnswer
from pointsman.llm.providers.answer.upstream_stream import UpstreamStream
from pointsman.llm.request import ChatRequest, Dialect


def ask(
    *, stream: bool = False, dialect: Dialect = "openai", headers: dict[str, str] | None = None, **fields: Any
) -> ChatRequest:
    """A request with one message, unless the fields have others."""
    body = {"model": "tier/COMPLEX", "messages": [{"role": "user", "content": "Grüße"}], **fields}
    if dialect == "anthropic":
        body.setdefault("max_tokens", 100)
    if stream:
        body["stream"] = True
    raw = msgspec.json.encode(body)
    return ChatRequest(dialect=dialect, body=body, raw=raw, model="m", stream=stream, headers=headers or {})


def streamed(answer: Answer) -> UpstreamStream:
    assert isinstance(answer, UpstreamStream)
    return answer


def complete(answer: Answer) -> CompleteAnswer:
    assert isinstance(answer, CompleteAnswer)
    return answer
