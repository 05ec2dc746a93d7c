"""Number types that carry their range, so that a range is stated once.

msgspec checks the ranges when it decodes a message or converts the configuration. The JSON schemas, OpenAPI and the
settings reference are made from the same types.
"""

from typing import Annotated

from msgspec import Meta

MAX_COST_USD = 1e6
"""Costs are summed without end; a larger one would hide all others."""

MAX_LATENCY_MS = 1e9
"""Latencies are summed without end; a larger one would hide all others."""

Share = Annotated[float, Meta(ge=0, le=1)]
"""0 to 1, as a probability."""

PositiveShare = Annotated[float, Meta(gt=0, le=1)]
"""More than 0 and at most 1."""

Points = Annotated[float, Meta(ge=0, le=100)]
"""Quality or reward, or a difference of them: 0 to 100."""

CostUsd = Annotated[float, Meta(ge=0, le=MAX_COST_USD)]
"""Cost of one request in US dollars."""

LatencyMs = Annotated[float, Meta(ge=0, le=MAX_LATENCY_MS)]
"""Latency of one request in milliseconds."""

NonNegative = Annotated[float, Meta(ge=0)]
Positive = Annotated[float, Meta(gt=0)]
NonNegativeOrInfinite = Annotated[float, Meta(ge=0, extra={"infinite": True})]
"""At least 0; the configuration accepts ``inf`` too, which it refuses for all other types."""

NonNegativeInt = Annotated[int, Meta(ge=0)]
PositiveInt = Annotated[int, Meta(ge=1)]
Port = Annotated[int, Meta(ge=0, le=65535)]
