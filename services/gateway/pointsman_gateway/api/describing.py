"""What operations of the API's description are made of: answers, problems, parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pointsman.contracts.access import Scope
from pointsman.contracts.messages.problem import CONTENT_TYPE
from pointsman_gateway.api import examples
from pointsman_gateway.http.response import JSON

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
OF_TIER = {"name": "tier", "in": "path", "required": True, "schema": _TIER}
IN_TIER = {"name": "tier", "in": "query", "schema": _TIER, "description": "This tier only; all when left out"}


def operation_of(
    name: str,
    tag: str,
    summary: str,
    description: str,
    answers: Mapping[int, Any],
    problems: tuple[int, ...] = (),
    parameters: list[dict[str, Any]] | None = None,
    scope: Scope | None = None,
) -> Operation:
    """Return an operation.

    Parameters
    ----------
    answers : mapping of status to answer
    problems : tuple of int
        Statuses of the problems that it may end with, beside those that every one may.
    scope : str, optional
        What the API key must have; open to all when left out.
    """
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


def page(name: str, summary: str, content_type: str, description: str, scope: Scope | None = None) -> Operation:
    """Return an operation that answers with a page or a text."""
    answer = {"description": description, "content": {content_type: {"schema": {"type": "string"}}}}
    return operation_of(name, "operation", summary, "", {200: answer}, scope=scope)


def body(schema: str, named: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body that a request must have, with examples."""
    shown = {name: {"value": value} for name, value in named.items()}
    return {"required": True, "content": {JSON: {"schema": _ref(schema), "examples": shown}}}


def answered(description: str, schema: str, example: Any = None) -> dict[str, Any]:
    """Return an answer of one of the types."""
    content: dict[str, Any] = {"schema": _ref(schema)}
    if example is not None:
        content["example"] = example
    return {"description": description, "content": {JSON: content}}


def or_page(answer: dict[str, Any]) -> dict[str, Any]:
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
