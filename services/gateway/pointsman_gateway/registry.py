"""Registry of all HTTP endpoints: every handler class, and how it is made.

A handler declares its endpoints (see `pointsman_gateway.http.endpoint`). Routing, access checks, the OpenAPI document
and the documentation are made from this list.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pointsman_gateway.api.arms import ArmsHandler
from pointsman_gateway.api.decisions.decide import DecideHandler
from pointsman_gateway.api.decisions.detail import DecisionDetailHandler
from pointsman_gateway.api.events import DecisionEventsHandler
from pointsman_gateway.api.feedback.submit import FeedbackHandler
from pointsman_gateway.api.openapi import document
from pointsman_gateway.api.outcomes.imports import ImportHandler
from pointsman_gateway.api.outcomes.report import OutcomeHandler
from pointsman_gateway.api.policies.endpoints import PoliciesHandler
from pointsman_gateway.api.shadow_report import ShadowReportHandler
from pointsman_gateway.backends import Backends
from pointsman_gateway.chat.endpoints import ChatHandler
from pointsman_gateway.chat.service import ChatGateway
from pointsman_gateway.chat.unserved import UnservedRoutes
from pointsman_gateway.console.alerts import AlertsHandler
from pointsman_gateway.console.dry_run import TryHandler
from pointsman_gateway.console.feature_names import FeatureNames
from pointsman_gateway.console.overview import OverviewHandler
from pointsman_gateway.console.process_monitor import ProcessMonitor
from pointsman_gateway.console.system import SystemHandler
from pointsman_gateway.console.system_monitor import SystemMonitor
from pointsman_gateway.decision_client import DecisionClient
from pointsman_gateway.http.authentication import Authenticator
from pointsman_gateway.http.endpoint import HttpEndpoint, declared_endpoints
from pointsman_gateway.http.health import HealthHandler
from pointsman_gateway.http.response import HttpResponse
from pointsman_gateway.http.static_files import PagesHandler


@dataclass(frozen=True)
class Parts:
    """The parts of the gateway that handlers are made from."""

    backends: Backends
    authenticator: Authenticator
    decisions: DecisionClient
    chat: ChatGateway
    names: FeatureNames
    monitor: SystemMonitor


HANDLERS: dict[type, Callable[[Parts], Any]] = {
    ChatHandler: lambda parts: ChatHandler(parts.chat),
    DecideHandler: lambda parts: DecideHandler(parts.backends, parts.decisions),
    OutcomeHandler: lambda parts: OutcomeHandler(parts.backends),
    ImportHandler: lambda parts: ImportHandler(parts.backends, parts.chat.features, parts.chat.tier_features),
    FeedbackHandler: lambda parts: FeedbackHandler(parts.backends, parts.chat.responses),
    DecisionDetailHandler: lambda parts: DecisionDetailHandler(parts.backends, parts.names),
    TryHandler: lambda parts: TryHandler(parts.backends, parts.chat.features, parts.chat.tier_features, parts.names),
    OverviewHandler: lambda parts: OverviewHandler(parts.backends, parts.monitor),
    SystemHandler: lambda parts: SystemHandler(parts.monitor),
    AlertsHandler: lambda parts: AlertsHandler(parts.backends),
    ArmsHandler: lambda parts: ArmsHandler(
        parts.backends, ProcessMonitor(parts.backends), parts.names, parts.chat.refuses
    ),
    ShadowReportHandler: lambda parts: ShadowReportHandler(parts.backends),
    DecisionEventsHandler: lambda parts: DecisionEventsHandler(
        parts.backends, parts.authenticator, parts.decisions.fallback_topic
    ),
    PoliciesHandler: lambda parts: PoliciesHandler(parts.backends),
    HealthHandler: lambda parts: HealthHandler(parts.backends, ProcessMonitor(parts.backends)),
    PagesHandler: lambda _: PagesHandler(openapi_document()),
}

ENDPOINTS: list[HttpEndpoint] = [declared for handler in HANDLERS for declared, _ in declared_endpoints(handler)]

LONG_BODY_PATHS = [declared.path for declared in ENDPOINTS if declared.long_body]

_unserved = UnservedRoutes(
    {found.path.split("/")[2] for found in ENDPOINTS if found.path.startswith("/v1/") and not found.errors}
)


def client_problem(path: str, headers: Mapping[str, str], document: HttpResponse) -> HttpResponse:
    """Return a problem document in the error format that clients of the path expect."""
    for declared in ENDPOINTS:
        prefix, has_parameter, _ = declared.path.partition("{")
        if path == prefix or (has_parameter and path.startswith(prefix)):
            return declared.errors.convert(document, headers) if declared.errors else document
    return _unserved.convert(path, headers, document)


def openapi_document() -> bytes:
    """Return the OpenAPI document of all endpoints, as JSON."""
    return document(ENDPOINTS)
