"""What the API's description says about each route: parameters, bodies, answers, examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pointsman.access import Scope
from pointsman.messages.problem import CONTENT_TYPE
from services.gateway import examples
from services.gateway.llm.operations import llm_operations
from services.gateway.replies import JSON

Operation = dict[str, Any]

_PROBLEMS = {
    400: "The body is no JSON",
    401: "No API key, or none that is in force",
    403: "The API key does not have the scope that this needs",
    404: "There is none",
    405: "The route does not have that method",
    409: "It conflicts with what is there",
    410: "The decision has left the log",
    413: "The body is too long",
    422: "A field or parameter is wrong; `errors` names it",
    429: "Too many requests with this API key; try again after `Retry-After` seconds",
    500: "A fault of the gateway",
    503: "What is needed for this cannot be reached right now; try again after `Retry-After` seconds",
}
_TIER = {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}
_OF_TIER = {"name": "tier", "in": "path", "required": True, "schema": _TIER}
_IN_TIER = {"name": "tier", "in": "query", "schema": _TIER, "description": "This tier only; all when left out"}


def operations() -> dict[str, dict[str, Operation]]:
    """Return the section ``paths``."""
    return {**_loop(), **llm_operations(), **_insight(), **_policies(), **_operation()}


def _loop() -> dict[str, dict[str, Operation]]:
    decide = _operation_of(
        "decide",
        "loop",
        "Decide which model takes a request",
        "The decision is in the decision log before it is answered. While no replica can decide, the tier's fallback "
        "arm is served, marked `degraded`.",
        {200: _json("The decision", "Decision", examples.DECISION)},
        (400, 413, 422),
        scope="decide",
    )
    report = _operation_of(
        "reportOutcome",
        "loop",
        "Report what came of a decision",
        "What was measured, or else the reward itself; at least one number. Each decision counts once. An outcome "
        "whose decision has `degraded: true` is recorded and never learned from.",
        {
            202: _json("It is in the log and will count", "OutcomeAccepted", examples.ACCEPTED),
            200: _json("The same outcome was accepted before", "OutcomeAccepted", examples.ALREADY_ACCEPTED),
        },
        (400, 404, 409, 410, 413, 422, 503),
        scope="report",
    )
    feedback = _operation_of(
        "giveFeedback",
        "loop",
        "Say how good an answer was",
        "For as long as the tier's `reward_wait_s` says, the outcome of an answer waits for this; the last feedback "
        "counts. Of a decision that nobody measured it makes the outcome. 409 when the outcome has counted: the "
        "feedback is recorded then, and changes nothing.",
        {202: _json("It is in the log", "FeedbackAccepted", examples.FEEDBACK_ACCEPTED)},
        (400, 404, 409, 410, 413, 422, 503),
        scope="report",
    )
    return {
        "/v1/decisions": {"post": {**decide, "requestBody": _body("DecisionRequest", examples.DECISION_REQUESTS)}},
        "/v1/feedback": {"post": {**feedback, "requestBody": _body("FeedbackReport", examples.FEEDBACK_REPORTS)}},
        "/v1/outcomes": {"post": {**report, "requestBody": _body("OutcomeReport", examples.OUTCOME_REPORTS)}},
    }


def _insight() -> dict[str, dict[str, Operation]]:
    lookup = _operation_of(
        "getDecision",
        "insight",
        "Look a decision up, with its outcome and reward",
        "Everything that the policy knew: context, scores, propensity, policy and its version. A degraded decision "
        "(`fallback.…`) is in no log, so there is none to look up.",
        {200: _json("The decision", "DecisionView")},
        (404, 410, 422, 503),
        [{"name": "decision_id", "in": "path", "required": True, "schema": {"type": "string"}}],
        scope="read",
    )
    arms = _operation_of(
        "listArms",
        "insight",
        "List what is learned about each arm",
        "Rewards are 0 to 1 here, as they enter A and b.",
        {200: _json("The arms", "ArmList")},
        (404, 422, 503),
        [
            _IN_TIER,
            {
                "name": "matrices",
                "in": "query",
                "schema": {"type": "boolean", "default": False},
                "description": "With A and b",
            },
        ],
        scope="read",
    )
    report = _operation_of(
        "getShadowReport",
        "insight",
        "Compare shadow policies with what was served",
        "With intervals, a verdict and its reason, and the regret of the active policy. Counted by the hour, so the "
        "window is widened to whole hours. Rewards and qualities are 0 to 100.",
        {200: _or_page(_json("The comparison", "Report"))},
        (404, 422, 503),
        [
            {
                "name": "window",
                "in": "query",
                "schema": {"type": "string", "pattern": "^[0-9]{1,6}[dhm]$", "default": "7d"},
                "description": "How far back: days, hours or minutes, at most 90d; minutes are rounded up to hours",
            },
            _IN_TIER,
            {
                "name": "policy",
                "in": "query",
                "schema": {"type": "string"},
                "description": "This shadow policy only, and no regret; all that run now when left out",
            },
            {
                "name": "format",
                "in": "query",
                "schema": {"type": "string", "enum": ["json", "html"], "default": "json"},
                "description": "`html`: a page with plots that needs nothing else",
            },
        ],
        scope="read",
    )
    events = _operation_of(
        "streamDecisions",
        "insight",
        "Follow decisions as they are made",
        "Events: `decision`, whose data is a decision as in the log and whose id is its id; `dropped`, with the "
        "`count` of events that this client was too slow for. A comment comes every 10 seconds at least.",
        {
            200: {
                "description": "Server-sent events",
                "content": {"text/event-stream": {"schema": {"type": "string"}, "example": examples.EVENTS}},
            }
        },
        (404, 422, 503),
        [_IN_TIER],
        scope="read",
    )
    return {
        "/v1/decisions/{decision_id}": {"get": lookup},
        "/v1/arms": {"get": arms},
        "/v1/shadow/report": {"get": report},
        "/v1/events/decisions": {"get": events},
    }


def _policies() -> dict[str, dict[str, Operation]]:
    listed = _operation_of(
        "listPolicies",
        "policies",
        "List the policies of every tier",
        "",
        {200: _json("The policies", "PolicyList")},
        (422, 503),
        scope="read",
    )
    change = _operation_of(
        "changePolicies",
        "policies",
        "Change the policies of a tier",
        "What the body leaves out stays. The change outlives a restart, until the configuration itself is changed. "
        "A `module:Class` must be one that the configuration names.",
        {200: _json("The policies now", "TierPoliciesView")},
        (400, 404, 409, 413, 422, 503),
        [_OF_TIER],
        scope="admin",
    )
    promote = _operation_of(
        "promotePolicy",
        "policies",
        "Make a shadow the active policy of a tier",
        "The policy that served goes on as a shadow under its name, so that the switch can be judged and taken back. "
        "409 when the tier is at another `version`, when that policy serves already, or when another shadow has the "
        "name of the policy that serves.",
        {200: _json("The policies now, with what is on record", "TierPoliciesView")},
        (400, 404, 409, 413, 422, 503),
        [_OF_TIER],
        scope="admin",
    )
    revert = _operation_of(
        "revertPromotion",
        "policies",
        "Take the last promotion of a tier back",
        "What it replaced serves again; what was promoted goes on as a shadow, unless another shadow has its name. 409 "
        "when there is no promotion to take back. The body may be left out.",
        {200: _json("The policies now, with what is on record", "TierPoliciesView")},
        (400, 404, 409, 413, 422, 503),
        [_OF_TIER],
        scope="admin",
    )
    history = _operation_of(
        "listPolicyHistory",
        "policies",
        "List the versions of a tier's policies",
        "Each with who made it, when, why and on what evidence.",
        {200: _json("The last 64 versions, the newest first", "PolicyHistory")},
        (404, 422, 503),
        [_OF_TIER],
        scope="read",
    )
    return {
        "/v1/policies": {"get": listed},
        "/v1/policies/{tier}": {"put": {**change, "requestBody": _body("PolicyChange", examples.POLICY_CHANGES)}},
        "/v1/policies/{tier}/promote": {
            "post": {**promote, "requestBody": _body("PromotionRequest", examples.PROMOTIONS)}
        },
        "/v1/policies/{tier}/revert": {
            "post": {**revert, "requestBody": {**_body("RevertRequest", examples.REVERTS), "required": False}}
        },
        "/v1/policies/{tier}/history": {"get": history},
    }


def _operation() -> dict[str, dict[str, Operation]]:
    alive = _operation_of(
        "isAlive",
        "operation",
        "Tell whether the gateway runs",
        "It answers decisions, degraded if need be, whatever else is gone: send traffic by this one.",
        {200: _json("It does", "Health")},
    )
    ready = _operation_of(
        "isReady",
        "operation",
        "Tell whether everything behind the gateway is there",
        "Asks NATS, the streams, the store and the decision replicas.",
        {200: _json("All is there", "Readiness"), 503: _json("Something is not; `checks` says what", "Readiness")},
    )
    described = _operation_of(
        "getOpenApi",
        "operation",
        "Get this description",
        "",
        {200: {"description": "OpenAPI 3.1", "content": {JSON: {"schema": {"type": "object"}}}}},
    )
    return {
        "/healthz": {"get": alive},
        "/readyz": {"get": ready},
        "/metrics": {"get": _page("getMetrics", "Get the metrics", "text/plain", "Prometheus' text format", "read")},
        "/openapi.json": {"get": described},
        "/docs": {"get": _page("getDocs", "Read this description", "text/html", "A page")},
        "/": {"get": _page("getIndex", "Open the dashboard", "text/html", "A page")},
        "/static/{path}": {"get": _static()},
    }


def _static() -> Operation:
    path = {"name": "path", "in": "path", "required": True, "schema": {"type": "string"}}
    content = {kind: {"schema": {"type": "string"}} for kind in ("text/javascript", "text/css", "text/plain")}
    answer = {"description": "A script or style of the dashboard", "content": content}
    unchanged = {"description": "The client has it already (`If-None-Match`)"}
    return _operation_of(
        "getStatic", "operation", "Get a file of the dashboard", "", {200: answer, 304: unchanged}, (404,), [path]
    )


def _operation_of(
    name: str,
    tag: str,
    summary: str,
    description: str,
    answers: Mapping[int, Any],
    problems: tuple[int, ...] = (),
    parameters: list[dict[str, Any]] | None = None,
    scope: Scope | None = None,
) -> Operation:
    responses = {str(status): answer for status, answer in answers.items()}
    refusals = (401, 403, 429) if scope else ()
    for status in sorted({*problems, *refusals, 405, 500} - answers.keys()):
        responses[str(status)] = _problem(status)
    # Any one of these; what the list of each names is the scope that the key must have.
    security = [{"bearer": [scope]}, {"header": [scope]}] if scope else []
    operation: Operation = {"operationId": name, "tags": [tag], "summary": summary, "security": security}
    if description:
        operation["description"] = description
    if parameters:
        operation["parameters"] = parameters
    return {**operation, "responses": responses}


def _page(name: str, summary: str, content_type: str, description: str, scope: Scope | None = None) -> Operation:
    answer = {"description": description, "content": {content_type: {"schema": {"type": "string"}}}}
    return _operation_of(name, "operation", summary, "", {200: answer}, scope=scope)


def _body(schema: str, named: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: {"value": value} for name, value in named.items()}
    return {"required": True, "content": {JSON: {"schema": _ref(schema), "examples": shown}}}


def _json(description: str, schema: str, example: Any = None) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": _ref(schema)}
    if example is not None:
        content["example"] = example
    return {"description": description, "content": {JSON: content}}


def _or_page(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer that is also there as a page."""
    return {**answer, "content": {**answer["content"], "text/html": {"schema": {"type": "string"}}}}


def _problem(status: int) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": _ref("Problem")}
    if status == 422:
        content["example"] = examples.PROBLEM
    answer: dict[str, Any] = {"description": _PROBLEMS[status], "content": {CONTENT_TYPE: content}}
    if status in (429, 503):
        answer["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds"}}
    if status in (401, 403):
        answer["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}, "description": "Bearer"}}
    return answer


def _ref(schema: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{schema}"}
