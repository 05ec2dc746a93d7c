"""What the API's description says of the chat routes. Their bodies are OpenAI's and Anthropic's, described by those."""

from __future__ import annotations

from typing import Any

from pointsman.llm.request import Dialect
from pointsman_gateway.chat.headers import AUTO_SCORE, ESTIMATED, NAMES
from pointsman_gateway.chat.requests import MAX_MODEL_CHARS
from pointsman_gateway.http.response import JSON

Operation = dict[str, Any]

_ERRORS = {
    400: "The body is no JSON, or something in it is wrong; `error` says what",
    401: "No API key, or none that is in force",
    403: "The API key does not have the scope `decide`",
    404: "There is no such model; `error` names those that there are",
    408: "Every provider that was asked says that it took too long",
    409: "A provider's answer",
    413: "The body is too long",
    415: "A provider's answer",
    422: "A provider's answer",
    429: "Too many requests with this API key, or to the providers",
    500: "A fault of the gateway",
    502: "No model answered; `error` says why for each",
    503: "No provider can be asked right now",
    504: "Every provider that was asked took too long",
    529: "Every provider that was asked is overloaded",
}
_ERROR_SCHEMAS: dict[Dialect, dict[str, Any]] = {
    "openai": {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["message"],
                "properties": {
                    "message": {"type": "string"},
                    "type": {"type": ["string", "null"]},
                    "param": {"type": ["string", "null"]},
                    "code": {"type": ["string", "integer", "null"]},
                },
            }
        },
    },
    "anthropic": {
        "type": "object",
        "required": ["type", "error"],
        "properties": {
            "type": {"const": "error"},
            "error": {
                "type": "object",
                "required": ["type", "message"],
                "properties": {"type": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
_MODEL = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_MODEL_CHARS,
    "description": "`auto`, `tier/NAME` or an arm, `provider:model`",
}
_MESSAGES = {"type": "array", "minItems": 1, "items": {"type": "object"}}
_EXAMPLE = {"model": "auto", "messages": [{"role": "user", "content": "Why is the sky blue?"}]}
_HEADERS = {
    "decision-id": "For outcomes, feedback and `GET /v1/decisions/{id}`",
    "provider": "Who served; the arm that was chosen where nobody did",
    "model": "Likewise",
    "tier": "The tier that it was decided in",
    "policy": "Who chose; absent where no policy did",
    "propensity": "The probability with which the arm was chosen; absent when degraded",
    "reason": "`policy`, `explored`, `pinned`, `direct` (the client named the arm), `degraded` (no policy could "
    "choose) or `fallback` (another arm serves than was chosen)",
    "attempts": "How often providers were asked, retries included",
    "overhead-ms": "The time until here, less that for which providers were waited",
}
_SESSION = {
    "name": "x-pointsman-session",
    "in": "header",
    "schema": {"type": "string"},
    "description": "The conversation, which stays with its model; known by what was said in it when left out",
}


def llm_operations() -> dict[str, dict[str, Operation]]:
    """Return the part of ``paths`` that is about chat."""
    openai = _chat(
        "createChatCompletion",
        "openai",
        "Answer a chat request, in OpenAI's dialect",
        "The body is that of OpenAI's chat completions.",
        _EXAMPLE,
    )
    anthropic = _chat(
        "createMessage",
        "anthropic",
        "Answer a chat request, in Anthropic's dialect",
        "The body is that of Anthropic's messages.",
        {**_EXAMPLE, "max_tokens": 256},
    )
    counted = _operation(
        "countTokens",
        "Tell how many tokens a request has, in Anthropic's dialect",
        "As the tier's first model counts them whose provider is of Anthropic's kind. Without one, or when it does not "
        "count, an estimate: bytes of all texts / 4, 150 for each tool, 1,000 for each picture or document. Nothing is "
        "decided, and nothing logged.",
        "anthropic",
        {200: _answer("The count")},
        (400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500),
    )
    counted["responses"]["200"]["headers"] = {
        ESTIMATED: {"description": "Present where no provider counted", "schema": {"const": "true"}}
    }
    counted["requestBody"] = _body(_EXAMPLE)
    listed = _operation(
        "listModels",
        "List what can be named as `model`",
        "In Anthropic's shape for clients that send `anthropic-version`, else in OpenAI's.",
        "openai",
        {200: _answer("The models")},
        (401, 403, 429, 500),
    )
    one = _operation(
        "getModel", "Get one of them", "", "openai", {200: _answer("The model")}, (401, 403, 404, 429, 500)
    )
    one["parameters"] = [{"name": "model", "in": "path", "required": True, "schema": {"type": "string"}}]
    return {
        "/v1/chat/completions": {"post": openai},
        "/v1/messages": {"post": anthropic},
        "/v1/messages/count_tokens": {"post": counted},
        "/v1/models": {"get": listed},
        "/v1/models/{model}": {"get": one},
    }


def _chat(name: str, dialect: Dialect, summary: str, about: str, example: dict[str, Any]) -> Operation:
    description = (
        f"{about} The policy of the tier chooses the model; what it answers is passed on as it comes, and its outcome "
        "is learned from. Should it fail before the first byte, the next candidate is asked."
    )
    answered = _answer("The answer")
    answered["content"]["text/event-stream"] = {}  # events as of the dialect's own
    answered["headers"] = {
        **{name: _header(_HEADERS[name.removeprefix("x-pointsman-")]) for name in NAMES},
        AUTO_SCORE: _header("With the model `auto`: how demanding the request looked, 0 to 1; the tier is found by it"),
    }
    operation = _operation(name, summary, description, dialect, {200: answered}, tuple(_ERRORS))
    return {**operation, "parameters": [_SESSION], "requestBody": _body(example)}


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}


def _body(example: dict[str, Any]) -> dict[str, Any]:
    properties = {"model": _MODEL, "messages": _MESSAGES, "stream": {"type": ["boolean", "null"]}}
    schema = {"type": "object", "required": ["model", "messages"], "properties": properties}
    return {"required": True, "content": {JSON: {"schema": schema, "examples": {"a question": {"value": example}}}}}


def _operation(
    name: str, summary: str, description: str, dialect: Dialect, answers: dict[int, Any], errors: tuple[int, ...]
) -> Operation:
    responses = {str(status): answer for status, answer in answers.items()}
    for status in errors:
        content = {JSON: {"schema": _ERROR_SCHEMAS[dialect]}}
        responses[str(status)] = {"description": _ERRORS[status], "content": content}
        if status in (401, 403):
            challenge = {"schema": {"type": "string"}, "description": "Bearer"}
            responses[str(status)]["headers"] = {"WWW-Authenticate": challenge}
    responses["405"] = {
        "description": "The route does not have that method",
        "content": {JSON: {"schema": _ERROR_SCHEMAS[dialect]}},
    }
    operation: Operation = {
        "operationId": name,
        "tags": ["chat"],
        "summary": summary,
        "security": [{"bearer": ["decide"]}, {"header": ["decide"]}],
    }
    if description:
        operation["description"] = description
    return {**operation, "responses": responses}


def _answer(description: str) -> dict[str, Any]:
    return {"description": description, "content": {JSON: {"schema": {"type": "object"}}}}
