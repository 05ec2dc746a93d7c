"""A provider's answer, whose first byte has arrived. A failed call never becomes an answer: see `ProviderError`."""

from __future__ import annotations

from pointsman.llm.providers.answer.complete import CompleteAnswer
from pointsman.llm.providers.answer.upstream_stream import UpstreamStream

Answer = CompleteAnswer | UpstreamStream
