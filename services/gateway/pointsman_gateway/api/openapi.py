"""The OpenAPI 3.1 document, made from the declared endpoints and their types."""

from collections.abc import Iterable
from typing import Any

import msgspec

import pointsman
from pointsman.contracts.messages.problem import CONTENT_TYPE, Problem
from pointsman_gateway.api.json_schema import Schema, component_schemas
from pointsman_gateway.api.parameters import TierName
from pointsman_gateway.http.endpoint import AnswerType, HttpEndpoint
from pointsman_gateway.http.request import query_parameters
from pointsman_gateway.http.response import EVENT_STREAM, JSON

_DESCRIPTION = """\
Decides which model takes each LLM request, learns from the outcomes, and compares other policies with the active one.

Every error is `application/problem+json` (RFC 9457); `errors` names the invalid fields. A body that is not JSON is \
answered with 400, any other invalid body with 422, one that is too long with 413. A 503 has `Retry-After`, in seconds.

Where API keys are configured, a request needs a key with the scope of the endpoint: `decide`, `report`, `read` or \
`admin`. Send it as `Authorization: Bearer` or as `x-api-key`. `/metrics` can be configured to need no key.

Every endpoint may answer 400 for a request that is not HTTP, 408 for one that arrives too slowly, and 431 for headers \
that are too long. Without API keys it answers 421 for an unknown name in `Host`, 403 for a web page of another site, \
and 415 for a form of a browser.
"""
_TAGS = {
    "chat": "Chat requests that are routed, answered and learned from",
    "decisions": "Decisions and their outcomes",
    "insight": "Past decisions, learned state and comparisons",
    "policies": "Active and shadow policies",
    "operations": "Probes, metrics and pages",
}
_SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key, `pm_…`"},
    "header": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "The same key"},
}
_PROBLEMS = {
    400: "The body is not JSON",
    401: "No API key, or an invalid one",
    403: "The API key does not have the required scope",
    404: "Not found",
    405: "The route does not have that method",
    409: "Conflict with the current state",
    410: "The decision is no longer in the log",
    413: "The body is too long",
    422: "A field or parameter is invalid; `errors` names it",
    429: "Too many requests with this API key; try again after `Retry-After` seconds",
    500: "An error of the gateway",
    503: "A dependency is unavailable, or the gateway is at a limit; try again after `Retry-After` seconds",
}
_PROBLEM = {
    "type": "about:blank",
    "title": "Unprocessable Content",
    "status": 422,
    "detail": "expected 12 numbers, got 11",
    "errors": [{"field": "context", "detail": "expected 12 numbers, got 11"}],
}
_RETRY_AFTER = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds"}}
_CHALLENGE = {"WWW-Authenticate": {"schema": {"type": "string"}, "description": "Bearer"}}


def document(endpoints: Iterable[HttpEndpoint]) -> bytes:
    """Return the OpenAPI document as JSON."""
    endpoints = list(endpoints)
    bodies = [declared.body for declared in endpoints if declared.body]
    answers: list[Any] = [answer.type for declared in endpoints for answer in declared.answers.values() if answer.type]
    answers += [Problem, *(declared.errors.type for declared in endpoints if declared.errors)]
    schemas, components = component_schemas(bodies, answers)
    paths: dict[str, dict[str, Any]] = {}
    for declared in endpoints:
        paths.setdefault(declared.template, {})[declared.method.lower()] = _operation(declared, schemas)
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Pointsman",
                "version": pointsman.__version__,
                "description": _DESCRIPTION,
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "servers": [{"url": "/"}],
            "tags": [{"name": name, "description": description} for name, description in _TAGS.items()],
            "paths": paths,
            "components": {"schemas": components, "securitySchemes": _SECURITY},
        }
    )


def _operation(declared: HttpEndpoint, schemas: dict[Any, Schema]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": declared.name,
        "tags": [declared.tag],
        "summary": declared.summary,
        # Either of these; the list has the scope that the key must have.
        "security": [{"bearer": [declared.scope]}, {"header": [declared.scope]}] if declared.scope else [],
    }
    if declared.description:
        operation["description"] = declared.description
    parameters = _parameters(declared)
    if parameters:
        operation["parameters"] = parameters
    if declared.body:
        examples = {title: {"value": value} for title, value in declared.examples.items()}
        content = {JSON: {"schema": schemas[declared.body], "examples": examples}}
        operation["requestBody"] = {"required": declared.body_required, "content": content}
    responses = {str(status): _answer(answer, schemas) for status, answer in declared.answers.items()}
    responses |= {str(status): _error(declared, status, schemas) for status in declared.statuses_of_errors}
    return {**operation, "responses": responses}


def _parameters(declared: HttpEndpoint) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = []
    for name in declared.path_parameters:
        schema = msgspec.json.schema(TierName if name == "tier" else str)
        parameters.append({"name": name, "in": "path", "required": True, "schema": schema})
    for name, description in declared.request_headers.items():
        parameters.append({"name": name, "in": "header", "schema": {"type": "string"}, "description": description})
    for name, schema in query_parameters(declared.query).items() if declared.query else ():
        parameter = {"name": name, "in": "query", "required": schema.pop("required"), "schema": schema}
        description = schema.pop("description", None)
        parameters.append(parameter | ({"description": description} if description else {}))
    return parameters


def _answer(answer: AnswerType, schemas: dict[Any, Schema]) -> dict[str, Any]:
    content: dict[str, Any] = {JSON: {"schema": schemas[answer.type]}} if answer.type else {}
    # The events of a stream are not one value, so a stream has no schema.
    content |= {media: {} if media == EVENT_STREAM else {"schema": {"type": "string"}} for media in answer.text}
    if answer.example is not None:
        next(iter(content.values()))["example"] = answer.example
    found: dict[str, Any] = {"description": answer.description}
    if content:
        found["content"] = content
    if answer.headers:
        found["headers"] = {
            name: {"description": description, "schema": {"type": "string"}}
            for name, description in answer.headers.items()
        }
    return found


def _error(declared: HttpEndpoint, status: int, schemas: dict[Any, Schema]) -> dict[str, Any]:
    error_format = declared.errors
    if error_format is None:
        content: dict[str, Any] = {"schema": schemas[Problem]} | ({"example": _PROBLEM} if status == 422 else {})
        found: dict[str, Any] = {"description": _PROBLEMS[status], "content": {CONTENT_TYPE: content}}
        if status in (429, 503):
            found["headers"] = _RETRY_AFTER
    else:
        content = {"schema": schemas[error_format.type]}
        found = {"description": error_format.descriptions[status], "content": {JSON: content}}
    if status in (401, 403):
        found["headers"] = _CHALLENGE
    return found
