"""``GET /v1/policies/{tier}/history``: every version of a tier's policies that is still kept, and who made it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from pointsman.contracts.messages.codec import encode
from pointsman.runtime.bus.policies import Revision, read_history
from pointsman_gateway.api.views import PolicyHistory, PolicyRevision
from pointsman_gateway.backends import Backends
from pointsman_gateway.http.query import read_query
from pointsman_gateway.http.response import HttpResponse


class History:
    """Shows the record.

    Parameters
    ----------
    backends : Backends
    """

    def __init__(self, backends: Backends) -> None:
        self._backends = backends

    async def get(self, request: Request) -> Response:
        """Answer one request."""
        read_query(request, frozenset())
        tier = self._backends.require_tier(request.path_params["tier"])
        revisions = await read_history(self._backends.require_bus(), tier)
        return HttpResponse(
            200, encode(PolicyHistory(tier=tier, versions=[_view(one) for one in revisions]))
        ).response()


def _view(revision: Revision) -> PolicyRevision:
    policies = revision.policies
    if policies is None:
        return PolicyRevision(version=revision.version, stored_at_ms=revision.at_ms, problem=revision.problem)
    return PolicyRevision(
        version=revision.version,
        stored_at_ms=revision.at_ms,
        active=policies.active,
        shadows=policies.shadows,
        active_since_ms=policies.active_since_ms,
        changed_by=policies.changed_by,
        change=policies.change,
    )
