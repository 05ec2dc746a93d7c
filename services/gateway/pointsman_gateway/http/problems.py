"""From what went wrong to the problem document that says so: the one place that knows which error has which status."""

from __future__ import annotations

from http import HTTPStatus

import msgspec

from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.errors import InvalidMessage, MalformedId, UnknownVersion
from pointsman.contracts.messages.problem import CONTENT_TYPE, FieldError, Problem
from pointsman.runtime.bus import BusError
from pointsman.runtime.store.errors import StateError
from pointsman_gateway.http.response import HttpResponse

RETRY_AFTER_S = 1
_TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}
"""RFC 9110's names, which older Pythons do not have yet."""


class ProblemError(Exception):
    """A handler's way to end a request with a problem.

    Parameters
    ----------
    status : int
    detail : str
    field : str, optional
        Path of the field or parameter that is wrong.
    headers : tuple of (name, value), optional
    """

    def __init__(
        self, status: int, detail: str, field: str | None = None, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.field = field
        self.headers = headers


def problem(
    status: int, detail: str, field: str | None = None, headers: tuple[tuple[str, str], ...] = ()
) -> HttpResponse:
    """Return a problem document as an answer."""
    errors = [] if field is None else [FieldError(field=field, detail=detail)]
    document = Problem(
        title=_TITLES.get(status) or HTTPStatus(status).phrase, status=status, detail=detail, errors=errors
    )
    return HttpResponse(status, encode(document), CONTENT_TYPE, headers)


def unavailable(what: str) -> HttpResponse:
    """Return 503, with the time after which to try again."""
    return problem(503, what, headers=(("retry-after", str(RETRY_AFTER_S)),))


def response_to_error(error: Exception) -> HttpResponse | None:
    """Return the answer to an expected error; None for a bug."""
    if isinstance(error, ProblemError):
        return problem(error.status, error.detail, error.field, error.headers)
    if isinstance(error, InvalidMessage):
        return _invalid(error)
    if isinstance(error, MalformedId):
        return problem(422, str(error), "decision_id")
    for kind, whose in ((BusError, "NATS"), (StateError, "the store"), (UnknownVersion, "a log")):
        if isinstance(error, kind):
            return unavailable(f"{whose}: {error}")
    return None


def _invalid(error: InvalidMessage) -> HttpResponse:
    """400 for what is no JSON at all, which has no field to name; 422 for everything else."""
    cause = error.__cause__
    no_json = not error.field and (
        (isinstance(cause, msgspec.MsgspecError) and not isinstance(cause, msgspec.ValidationError))
        or isinstance(cause, UnicodeDecodeError | RecursionError)
    )
    return problem(400 if no_json else 422, error.detail, error.field)
