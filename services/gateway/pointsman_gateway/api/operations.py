"""What the API's description says about each route: parameters, bodies, answers, examples."""

from __future__ import annotations

from pointsman_gateway.api import examples
from pointsman_gateway.api.describing import OF_TIER, Operation, answered, body, operation_of, page
from pointsman_gateway.chat.operations import llm_operations
from pointsman_gateway.console.operations import insight_operations
from pointsman_gateway.http.response import JSON


def operations() -> dict[str, dict[str, Operation]]:
    """Return the section ``paths``."""
    return {**_loop(), **llm_operations(), **insight_operations(), **_policies(), **_operation()}


def _loop() -> dict[str, dict[str, Operation]]:
    decide = operation_of(
        "decide",
        "loop",
        "Decide which model takes a request",
        "The decision is in the decision log before it is answered. While no replica can decide, the tier's fallback "
        "arm is served, marked `degraded`.",
        {200: answered("The decision", "Decision", examples.DECISION)},
        (400, 413, 422),
        scope="decide",
    )
    report = operation_of(
        "reportOutcome",
        "loop",
        "Report what came of a decision",
        "What was measured, or else the reward itself; at least one number. Each decision counts once. An outcome "
        "whose decision has `degraded: true` is recorded and never learned from.",
        {
            202: answered("It is in the log and will count", "OutcomeAccepted", examples.ACCEPTED),
            200: answered("The same outcome was accepted before", "OutcomeAccepted", examples.ALREADY_ACCEPTED),
        },
        (400, 404, 409, 410, 413, 422, 503),
        scope="report",
    )
    feedback = operation_of(
        "giveFeedback",
        "loop",
        "Say how good an answer was",
        "For as long as the tier's `reward_wait_s` says, the outcome of an answer waits for this; the last feedback "
        "counts. Of a decision that nobody measured it makes the outcome. 409 when the outcome has counted: the "
        "feedback is recorded then, and changes nothing.",
        {202: answered("It is in the log", "FeedbackAccepted", examples.FEEDBACK_ACCEPTED)},
        (400, 404, 409, 410, 413, 422, 503),
        scope="report",
    )
    return {
        "/v1/decisions": {"post": {**decide, "requestBody": body("DecisionRequest", examples.DECISION_REQUESTS)}},
        "/v1/feedback": {"post": {**feedback, "requestBody": body("FeedbackReport", examples.FEEDBACK_REPORTS)}},
        "/v1/outcomes": {"post": {**report, "requestBody": body("OutcomeReport", examples.OUTCOME_REPORTS)}},
    }


def _policies() -> dict[str, dict[str, Operation]]:
    listed = operation_of(
        "listPolicies",
        "policies",
        "List the policies of every tier",
        "",
        {200: answered("The policies", "PolicyList")},
        (422, 503),
        scope="read",
    )
    change = operation_of(
        "changePolicies",
        "policies",
        "Change the policies of a tier",
        "What the body leaves out stays. The change outlives a restart, until the configuration itself is changed. "
        "A `module:Class` must be one that the configuration names.",
        {200: answered("The policies now", "TierPoliciesView")},
        (400, 404, 409, 413, 422, 503),
        [OF_TIER],
        scope="admin",
    )
    promote = operation_of(
        "promotePolicy",
        "policies",
        "Make a shadow the active policy of a tier",
        "The policy that served goes on as a shadow under its name, so that the switch can be judged and taken back. "
        "409 when the tier is at another `version`, when that policy serves already, or when another shadow has the "
        "name of the policy that serves.",
        {200: answered("The policies now, with what is on record", "TierPoliciesView")},
        (400, 404, 409, 413, 422, 503),
        [OF_TIER],
        scope="admin",
    )
    revert = operation_of(
        "revertPromotion",
        "policies",
        "Take the last promotion of a tier back",
        "What it replaced serves again; what was promoted goes on as a shadow, unless another shadow has its name. 409 "
        "when there is no promotion to take back. The body may be left out.",
        {200: answered("The policies now, with what is on record", "TierPoliciesView")},
        (400, 404, 409, 413, 422, 503),
        [OF_TIER],
        scope="admin",
    )
    history = operation_of(
        "listPolicyHistory",
        "policies",
        "List the versions of a tier's policies",
        "Each with who made it, when, why and on what evidence.",
        {200: answered("The last 64 versions, the newest first", "PolicyHistory")},
        (404, 422, 503),
        [OF_TIER],
        scope="read",
    )
    return {
        "/v1/policies": {"get": listed},
        "/v1/policies/{tier}": {"put": {**change, "requestBody": body("PolicyChange", examples.POLICY_CHANGES)}},
        "/v1/policies/{tier}/promote": {
            "post": {**promote, "requestBody": body("PromotionRequest", examples.PROMOTIONS)}
        },
        "/v1/policies/{tier}/revert": {
            "post": {**revert, "requestBody": {**body("RevertRequest", examples.REVERTS), "required": False}}
        },
        "/v1/policies/{tier}/history": {"get": history},
    }


def _operation() -> dict[str, dict[str, Operation]]:
    alive = operation_of(
        "isAlive",
        "operation",
        "Tell whether the gateway runs",
        "It answers decisions, degraded if need be, whatever else is gone: send traffic by this one.",
        {200: answered("It does", "Health")},
    )
    ready = operation_of(
        "isReady",
        "operation",
        "Tell whether everything behind the gateway is there",
        "Asks NATS, the streams, the store and the decision replicas.",
        {
            200: answered("All is there", "Readiness"),
            503: answered("Something is not; `checks` says what", "Readiness"),
        },
    )
    described = operation_of(
        "getOpenApi",
        "operation",
        "Get this description",
        "",
        {200: {"description": "OpenAPI 3.1", "content": {JSON: {"schema": {"type": "object"}}}}},
    )
    return {
        "/healthz": {"get": alive},
        "/readyz": {"get": ready},
        "/metrics": {"get": page("getMetrics", "Get the metrics", "text/plain", "Prometheus' text format", "read")},
        "/openapi.json": {"get": described},
        "/docs": {"get": page("getDocs", "Read this description", "text/html", "A page")},
        "/": {"get": page("getIndex", "Open the dashboard", "text/html", "A page")},
        "/static/{path}": {"get": _static()},
    }


def _static() -> Operation:
    path = {"name": "path", "in": "path", "required": True, "schema": {"type": "string"}}
    content = {kind: {"schema": {"type": "string"}} for kind in ("text/javascript", "text/css", "text/plain")}
    answer = {"description": "A script or style of the dashboard", "content": content}
    unchanged = {"description": "The client has it already (`If-None-Match`)"}
    return operation_of(
        "getStatic", "operation", "Get a file of the dashboard", "", {200: answer, 304: unchanged}, (404,), [path]
    )
