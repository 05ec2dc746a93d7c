"""What the API's description says about looking: at decisions, arms, reports, and at the system itself."""

from __future__ import annotations

from pointsman_gateway.api import examples
from pointsman_gateway.api.describing import IN_TIER, Operation, answered, body, operation_of, or_page
from pointsman_gateway.console.activity import WINDOWS
from pointsman_gateway.console.alerts import DEFAULT_LIMIT, MAX_LIMIT
from pointsman_gateway.console.overview import DEFAULT_WINDOW

_WINDOW = {"type": "string", "pattern": "^[0-9]{1,6}[dhm]$", "default": "7d"}


def insight_operations() -> dict[str, dict[str, Operation]]:
    """Return the part of ``paths`` that is about looking."""
    lookup = operation_of(
        "getDecision",
        "insight",
        "Look a decision up, with its outcome and reward",
        "Everything that the policy knew: context, scores, propensity, policy and its version. A degraded decision "
        "(`fallback.…`) is in no log, so there is none to look up.",
        {200: answered("The decision", "DecisionView")},
        (404, 410, 422, 503),
        [
            {"name": "decision_id", "in": "path", "required": True, "schema": {"type": "string"}},
            {
                "name": "shadows",
                "in": "query",
                "schema": {"type": "boolean", "default": False},
                "description": "With what each shadow that the tier runs now would have done",
            },
        ],
        scope="read",
    )
    arms = operation_of(
        "listArms",
        "insight",
        "List what is learned about each arm",
        "Rewards are 0 to 1 here, as they enter A and b.",
        {200: answered("The arms", "ArmList")},
        (404, 422, 503),
        [
            IN_TIER,
            {
                "name": "matrices",
                "in": "query",
                "schema": {"type": "boolean", "default": False},
                "description": "With A and b",
            },
            {
                "name": "window",
                "in": "query",
                "schema": _WINDOW,
                "description": "What `recent` is about: days, hours or minutes, at most 90d, in whole hours",
            },
        ],
        scope="read",
    )
    report = operation_of(
        "getShadowReport",
        "insight",
        "Compare shadow policies with what was served",
        "With intervals, a verdict and its reason, and the regret of the active policy. Counted by the hour, so the "
        "window is widened to whole hours. Rewards and qualities are 0 to 100.",
        {200: or_page(answered("The comparison", "Report"))},
        (404, 422, 503),
        [
            {
                "name": "window",
                "in": "query",
                "schema": _WINDOW,
                "description": "How far back: days, hours or minutes, at most 90d; minutes are rounded up to hours",
            },
            IN_TIER,
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
    events = operation_of(
        "streamDecisions",
        "insight",
        "Follow decisions as they are made",
        "Events: `decision`, whose data is a decision as in the log and whose id is its id; `fallback`, a degraded "
        "answer, which no policy chose, with the `reason`; `dropped`, with the `count` of events that this client was "
        "too slow for. A comment comes every 10 seconds at least. Without NATS, which brings what the replicas decide "
        "and what other gateways answer, only this gateway's own degraded answers come.",
        {
            200: {
                "description": "Server-sent events",
                "content": {"text/event-stream": {"schema": {"type": "string"}, "example": examples.EVENTS}},
            }
        },
        (404, 422, 503),
        [IN_TIER],
        scope="read",
    )
    return {
        **_whole_system(),
        "/v1/decisions/{decision_id}": {"get": lookup},
        "/v1/arms": {"get": arms},
        "/v1/shadow/report": {"get": report},
        "/v1/events/decisions": {"get": events},
    }


def _whole_system() -> dict[str, dict[str, Operation]]:
    dry_run = operation_of(
        "tryRequest",
        "insight",
        "See what the policy would make of a request",
        "A replica scores the candidates as for a decision. Nothing is drawn, no model is called, nothing is logged.",
        {200: answered("The scores", "TryResponse")},
        (400, 413, 422, 503),
        scope="decide",
    )
    overview = operation_of(
        "getOverview",
        "insight",
        "See what a tier does over time, and what that is worth",
        "Decisions, rewards and costs by arm; the active policy against the best fixed arm and against choosing any; "
        "and how the tier is. Degraded decisions, which no policy made, are not in it. Rewards are 0 to 100.",
        {200: answered("The overview", "OverviewResponse")},
        (404, 422, 503),
        [
            {**IN_TIER, "required": True, "description": "Which tier"},
            {
                "name": "window",
                "in": "query",
                "schema": {"type": "string", "enum": list(WINDOWS), "default": DEFAULT_WINDOW},
                "description": "How far back",
            },
        ],
        scope="read",
    )
    system = operation_of(
        "getSystem",
        "insight",
        "See every process, stream and tier, and how long things take",
        "Asked of everybody at once, and answered within some 300 ms with what could be found out; the same answer for "
        "a second.",
        {200: answered("How the system is", "SystemResponse")},
        (422,),
        scope="read",
    )
    alerts = operation_of(
        "listAlerts",
        "insight",
        "List what a person should look at",
        "As long as the stream ALERTS keeps them.",
        {200: answered("The newest first", "AlertListResponse")},
        (404, 422, 503),
        [
            {**IN_TIER, "description": "This tier, and what is about all of them; everything when left out"},
            {
                "name": "limit",
                "in": "query",
                "schema": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
                "description": "How many at most",
            },
        ],
        scope="read",
    )
    return {
        "/v1/try": {"post": {**dry_run, "requestBody": body("TryRequest", examples.TRIES)}},
        "/v1/overview": {"get": overview},
        "/v1/system": {"get": system},
        "/v1/alerts": {"get": alerts},
    }
