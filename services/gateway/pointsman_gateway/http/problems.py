"""Problem documents (RFC 9457): the one place that maps errors to HTTP statuses."""

from http import HTTPStatus

import msgspec

from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.errors import InvalidMessage, MalformedId, UnknownVersion
from pointsman.contracts.messages.problem import CONTENT_TYPE, FieldError, Problem
from pointsman.runtime.bus import BusError
from pointsman.runtime.store.errors import StateError
from pointsman.runtime.telemetry import metrics
from pointsman_gateway.http.response import HttpResponse

RETRY_AFTER_S = 1
_TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}
"""Names of RFC 9110, which older versions of Python do not have."""

Headers = tuple[tuple[str, str], ...]


class ProblemError(Exception):
    """Ends a request with a problem document; ``field`` is the path of the invalid field or parameter."""

    def __init__(self, status: int, detail: str, field: str | None = None, headers: Headers = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.field = field
        self.headers = headers


def gateway_limit(limit: str, detail: str) -> ProblemError:
    """Return the error for a request that the gateway cannot serve now because of a limit of its own, and count it.

    Nothing is learned from such a request, and no provider is blamed for it. ``limit`` is a label of the metric.
    """
    metrics.gateway_limits.labels(limit).inc()
    return ProblemError(503, detail, headers=(("retry-after", str(RETRY_AFTER_S)),))


def problem(status: int, detail: str, field: str | None = None, headers: Headers = ()) -> HttpResponse:
    """Return a response with a problem document."""
    errors = [] if field is None else [FieldError(field=field, detail=detail)]
    document = Problem(
        title=_TITLES.get(status) or HTTPStatus(status).phrase, status=status, detail=detail, errors=errors
    )
    return HttpResponse(status, encode(document), CONTENT_TYPE, headers)


def response_to_error(error: Exception) -> HttpResponse | None:
    """Return the response to an expected error; None for a bug."""
    if isinstance(error, ProblemError):
        return problem(error.status, error.detail, error.field, error.headers)
    if isinstance(error, InvalidMessage):
        return problem(400 if _is_not_json(error) else 422, error.detail, error.field)
    if isinstance(error, MalformedId):
        return problem(422, str(error), "decision_id")
    for kind, source in ((BusError, "NATS"), (StateError, "the store"), (UnknownVersion, "a log")):
        if isinstance(error, kind):
            return problem(503, f"{source}: {error}", headers=(("retry-after", str(RETRY_AFTER_S)),))
    return None


def _is_not_json(error: InvalidMessage) -> bool:
    """Return whether the body was not JSON at all, so that there is no field to name."""
    cause = error.__cause__
    return not error.field and (
        (isinstance(cause, msgspec.MsgspecError) and not isinstance(cause, msgspec.ValidationError))
        or isinstance(cause, UnicodeDecodeError | RecursionError)
    )
