"""The API's description (OpenAPI 3.1), made from the messages' own types, so that it cannot say anything else."""

from __future__ import annotations

from typing import Any

import msgspec

import pointsman
from pointsman.contracts.messages.decision import Decision, DecisionEvent, DecisionRequest
from pointsman.contracts.messages.feedback import MAX_RESPONSE_ID, FeedbackAccepted, FeedbackReport
from pointsman.contracts.messages.outcome import OutcomeAccepted, OutcomeReport
from pointsman.contracts.messages.policies import PolicyChange, PromotionRequest, RevertRequest
from pointsman.contracts.messages.problem import Problem
from pointsman.contracts.messages.validation import MAX_CANDIDATES, REPORT_BOUNDS
from pointsman.shadow.report import Report
from pointsman_gateway.api.docstrings import describe_fields
from pointsman_gateway.api.operations import operations
from pointsman_gateway.api.views import (
    ArmList,
    DecisionView,
    Health,
    PolicyHistory,
    PolicyList,
    Readiness,
    TierPoliciesView,
)
from pointsman_gateway.console.alerts import AlertListResponse
from pointsman_gateway.console.dry_run import TryRequest, TryResponse
from pointsman_gateway.console.overview import OverviewResponse
from pointsman_gateway.console.system import SystemResponse

TYPES = (
    AlertListResponse,
    ArmList,
    Decision,
    DecisionRequest,
    DecisionView,
    FeedbackAccepted,
    FeedbackReport,
    Health,
    OutcomeAccepted,
    OutcomeReport,
    OverviewResponse,
    PolicyChange,
    PolicyHistory,
    PolicyList,
    Problem,
    PromotionRequest,
    Readiness,
    Report,
    RevertRequest,
    SystemResponse,
    TierPoliciesView,
    TryRequest,
    TryResponse,
)
"""Bodies and answers; what they refer to comes with them."""

_ABOUT = """\
Decides which model takes each LLM request, learns from what came of it, and compares other policies with the live one.

Every error is `application/problem+json` (RFC 9457); `errors` names the fields that are wrong. A body that is no JSON \
is answered with 400, everything else that is wrong with it with 422, one that is too long with 413. \
A 503 has `Retry-After`, in seconds.

Where API keys are configured, a request needs one that has the scope named with it: `decide`, `report`, `read` or \
`admin`. It is sent as `Authorization: Bearer` or as `x-api-key`. `/metrics` may be open all the same.

On any route: 400 for what is not HTTP, 408 for a request that takes too long to come in, 431 for headers that are too \
long.
"""

_SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key, `pm_…`"},
    "header": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "The same key"},
}


def document() -> bytes:
    """Return the description as JSON."""
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Pointsman",
                "version": pointsman.__version__,
                "description": _ABOUT,
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "servers": [{"url": "/"}],
            "tags": [
                {"name": "chat", "description": "Chat requests, routed, answered and learned from"},
                {"name": "loop", "description": "Decisions and their outcomes"},
                {"name": "insight", "description": "What was decided, learned and compared"},
                {"name": "policies", "description": "Which policy is live, and which run in shadow"},
                {"name": "operation", "description": "Probes, metrics and pages"},
            ],
            "paths": operations(),
            "components": {"schemas": schemas(), "securitySchemes": _SECURITY},
        }
    )


def schemas() -> dict[str, Any]:
    """Return the JSON Schema of every type by name."""
    _, components = msgspec.json.schema_components(TYPES, ref_template="#/components/schemas/{name}")
    for name, schema in components.items():
        describe_fields(schema, DecisionEvent.__doc__ or "" if name == DecisionView.__name__ else "")
    for name in ("DecisionRequest", "TryRequest"):
        request = components[name]["properties"]
        _narrow(request["candidates"], {"minItems": 1, "maxItems": MAX_CANDIDATES, "uniqueItems": True})
    for name, largest in REPORT_BOUNDS.items():
        _narrow(components["OutcomeReport"]["properties"][name], {"minimum": 0, "maximum": largest})
    feedback = components["FeedbackReport"]["properties"]
    _narrow(feedback["quality"], {"minimum": 0, "maximum": 100})
    _narrow(feedback["response_id"], {"minLength": 1, "maxLength": MAX_RESPONSE_ID})
    return components


def _narrow(schema: dict[str, Any], bounds: dict[str, Any]) -> None:
    """Add bounds that the types do not carry to the alternative that is not null."""
    for alternative in schema.get("anyOf", [schema]):
        if alternative.get("type") != "null":
            alternative.update(bounds)
