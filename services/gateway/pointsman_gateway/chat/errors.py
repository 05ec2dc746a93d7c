"""Errors of the chat endpoints, always in the client's dialect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from pointsman.contracts.messages.problem import Problem
from pointsman.llm.providers.dialects.errors import encode_error
from pointsman.llm.request import Dialect
from pointsman.runtime.telemetry.logs import logger
from pointsman_gateway.http.endpoint import ErrorFormat
from pointsman_gateway.http.problems import RETRY_AFTER_S, problem, response_to_error
from pointsman_gateway.http.response import HttpResponse

log = logger("gateway.chat")

_problem_decoder = msgspec.json.Decoder(Problem)
STOPPED = "the gateway stopped before the answer was complete; send the request again"
_CODES = {401: "invalid_api_key", 403: "insufficient_permissions", 413: "request_too_large", 429: "rate_limit_exceeded"}
_STATUS_FOR_CLIENTS = {422: 400}
"""Neither dialect has a 422 for an invalid body."""


ERROR_DESCRIPTIONS = {
    400: "The body is not JSON, or a field is invalid; `error` has the reason",
    401: "No API key, or an invalid one",
    403: "The API key does not have the scope `decide`",
    404: "No such model; `error` lists the models",
    405: "The route does not have that method",
    408: "Every provider that was called reported a timeout",
    409: "A provider's answer",
    413: "The body is too long",
    415: "A provider's answer",
    422: "A provider's answer",
    429: "Too many requests with this API key, or to the providers",
    500: "An error of the gateway",
    502: "No model answered; `error` has the reason for each",
    503: "No provider is available right now, or the gateway is at a limit",
    504: "Every provider that was called timed out",
    529: "Every provider that was called is overloaded",
}


class OpenAIErrorDetail(msgspec.Struct, frozen=True, omit_defaults=True):
    """An error in OpenAI's dialect."""

    message: str
    type: str | None = None
    param: str | None = None
    code: str | int | None = None


class OpenAIError(msgspec.Struct, frozen=True):
    """Error answer in OpenAI's dialect."""

    error: OpenAIErrorDetail


class AnthropicErrorDetail(msgspec.Struct, frozen=True):
    """An error in Anthropic's dialect."""

    type: str
    message: str


class AnthropicError(msgspec.Struct, frozen=True):
    """Error answer in Anthropic's dialect."""

    type: Literal["error"]
    error: AnthropicErrorDetail


class ChatError(Exception):
    """Ends a chat request with an error, for the field ``param`` and with a machine-readable ``code``.

    ``body`` is the provider's whole error in the client's dialect, if there is one.
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


def gateway_stops(headers: tuple[tuple[str, str], ...]) -> ChatError:
    """Return the error of a request that had not been answered when the gateway stopped, with further headers."""
    return ChatError(503, STOPPED, headers=(("retry-after", str(RETRY_AFTER_S)), *headers))


def dialect_errors(dialect: Dialect | None = None) -> ErrorFormat:
    """Return the error format of a dialect; by default the dialect follows from the request's headers."""
    return ErrorFormat(
        type=AnthropicError if dialect == "anthropic" else OpenAIError,
        descriptions=ERROR_DESCRIPTIONS,
        respond=lambda error, headers: error_response(dialect or dialect_of(headers), error),
        convert=lambda document, headers: problem_in_dialect(dialect or dialect_of(headers), document),
    )


def dialect_of(headers: Mapping[str, str]) -> Dialect:
    """Return the dialect of a client on an endpoint that serves both."""
    return "anthropic" if "anthropic-version" in headers else "openai"


def error_response(dialect: Dialect, error: Exception) -> HttpResponse:
    """Return the response for an error; an unexpected one is logged and becomes a 500."""
    if isinstance(error, ChatError):
        body = error.body
        if body is None:
            body = encode_error(dialect, error.status, error.message, param=error.param, code=error.code)
        return HttpResponse(error.status, body, headers=error.headers)
    response = response_to_error(error)
    if response is None:
        log.error("a chat request failed", exc_info=error)
        response = problem(500, "the gateway failed; its log has the reason")
    return problem_in_dialect(dialect, response)


def problem_in_dialect(dialect: Dialect, response: HttpResponse) -> HttpResponse:
    """Convert a problem document to an error of a dialect."""
    document = _problem_decoder.decode(response.body)
    param = next((error.field for error in document.errors if error.field), None)
    status = _STATUS_FOR_CLIENTS.get(response.status, response.status)
    body = encode_error(dialect, status, document.detail, param=param, code=_CODES.get(status))
    return HttpResponse(status, body, headers=response.headers)
