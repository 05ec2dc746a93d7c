"""Errors as the clients of these routes expect them: OpenAI's shape or Anthropic's, whatever went wrong."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope

from pointsman.contracts.messages.problem import Problem
from pointsman.llm.providers.dialects.errors import encode_error
from pointsman.llm.request import Dialect
from pointsman.runtime.telemetry.logs import logger
from pointsman_gateway.http.authentication import Endpoint
from pointsman_gateway.http.body import ClientDisconnected
from pointsman_gateway.http.problems import problem, response_to_error
from pointsman_gateway.http.response import HotHandler, HttpResponse, StreamedResponse

log = logger("gateway.llm")

_problem_decoder = msgspec.json.Decoder(Problem)
_CODES = {401: "invalid_api_key", 403: "insufficient_permissions", 413: "request_too_large", 429: "rate_limit_exceeded"}
_ERRORS_OF_CLIENTS = {422: 400}
"""Neither dialect's clients know a 422 for a body that is wrong."""


class LlmError(Exception):
    """A handler's way to end a chat request with an error.

    Parameters
    ----------
    status : int
    message : str
    param : str, optional
        The field that is wrong.
    code : str, optional
        A word for programs.
    body : bytes, optional
        The whole error in the client's dialect, when a provider told one.
    headers : tuple of (name, value), optional
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        body: bytes | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code
        self.body = body
        self.headers = headers


def in_dialect(dialect: Dialect, endpoint: HotHandler) -> HotHandler:
    """Return the endpoint with every error in the dialect: those of access and of the body too."""

    async def shaped(scope: Scope, receive: Receive) -> HttpResponse | StreamedResponse:
        try:
            return await endpoint(scope, receive)
        except ClientDisconnected:
            raise
        except Exception as error:  # whatever it is, the client's library gets what it can read
            return error_reply(dialect, error)

    return shaped


def route_in_dialect(dialect: Dialect, endpoint: Endpoint) -> Endpoint:
    """Return the same for an endpoint of the framework."""

    async def shaped(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Exception as error:  # as above
            return error_reply(dialect, error).response()

    return shaped


def error_reply(dialect: Dialect, error: Exception) -> HttpResponse:
    """Return the answer to an error; one that is not expected is logged, and is a 500."""
    if isinstance(error, LlmError):
        body = error.body
        if body is None:
            body = encode_error(dialect, error.status, error.message, param=error.param, code=error.code)
        return HttpResponse(error.status, body, headers=error.headers)
    reply = response_to_error(error)
    if reply is None:
        log.error("a chat request failed", exc_info=error)
        reply = problem(500, "the gateway failed; its log says how")
    return problem_in_dialect(dialect, reply)


def problem_in_dialect(dialect: Dialect, reply: HttpResponse) -> HttpResponse:
    """Return a problem as an error of a dialect."""
    found = _problem_decoder.decode(reply.body)
    param = next((wrong.field for wrong in found.errors if wrong.field), None)
    status = _ERRORS_OF_CLIENTS.get(reply.status, reply.status)
    body = encode_error(dialect, status, found.detail, param=param, code=_CODES.get(status))
    return HttpResponse(status, body, headers=reply.headers)
