"""Declarations of the chat endpoints: ``/v1/chat/completions``, ``/v1/messages`` and ``/v1/models``.

Their bodies are those of OpenAI and Anthropic, so only the fields that the gateway reads are declared.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.types import Receive, Scope

from pointsman.contracts.messages.codec import encode
from pointsman.llm.request import Dialect
from pointsman_gateway.chat.answer.headers import ADAPTED, AUTO_SCORE, HEADER_DESCRIPTIONS, TOKENS_ESTIMATED
from pointsman_gateway.chat.errors import ERROR_DESCRIPTIONS, dialect_errors, dialect_of, error_response
from pointsman_gateway.chat.request.reader import MAX_MODEL_CHARS
from pointsman_gateway.chat.service import ChatGateway
from pointsman_gateway.http.endpoint import AnswerType, HttpEndpoint
from pointsman_gateway.http.response import HttpResponse, HttpStreamResponse

_EXAMPLE = {"model": "auto", "messages": [{"role": "user", "content": "Why is the sky blue?"}]}
_DESCRIPTION = (
    " The policy of the tier chooses the model, the gateway passes its answer on as it arrives, and the policy learns "
    "from the outcome. When the model fails before the first byte, the next candidate is called."
)
_REQUEST_HEADERS = {
    "x-pointsman-session": "Id of the conversation, which stays with its model; by default derived from the messages"
}
_ANSWER_HEADERS = {
    **HEADER_DESCRIPTIONS,
    AUTO_SCORE: "With the model `auto`: the difficulty of the request, 0 to 1, which selects the tier",
    ADAPTED: "Where the request was changed for the model: the fields that were left out, replaced or renamed",
}


class ChatRequestBody(msgspec.Struct, frozen=True, kw_only=True):
    """Body of a chat request; all other fields of the dialect are passed on to the provider."""

    model: Annotated[
        str,
        Meta(min_length=1, max_length=MAX_MODEL_CHARS, description="`auto`, `tier/NAME` or an arm, `provider:model`"),
    ]
    messages: Annotated[list[dict[str, Any]], Meta(min_length=1)]
    stream: bool | None = None


def _chat(
    path: str, name: str, dialect: Dialect, summary: str, format_of: str, example: dict[str, Any]
) -> HttpEndpoint:
    return HttpEndpoint(
        f"POST {path}",
        name=name,
        tag="chat",
        scope="decide",
        hot=True,
        long_body=True,
        summary=summary,
        description=f"The body has the format of {format_of}." + _DESCRIPTION,
        request_headers=_REQUEST_HEADERS,
        body=ChatRequestBody,
        examples={"a question": example},
        answers={200: AnswerType("The answer", dict[str, Any], text=("text/event-stream",), headers=_ANSWER_HEADERS)},
        problems=tuple(ERROR_DESCRIPTIONS),
        errors=dialect_errors(dialect),
    )


class ChatHandler:
    """Answers the chat endpoints."""

    def __init__(self, chat: ChatGateway) -> None:
        self._flow = chat.flow
        self._token_counts = chat.token_counts
        self._routing = chat.routing
        self._created_s = int(time.time())

    @_chat(
        "/v1/chat/completions",
        "createChatCompletion",
        "openai",
        "Answer a chat request in OpenAI's dialect",
        "OpenAI's chat completions",
        _EXAMPLE,
    )
    async def chat_completions(self, scope: Scope, receive: Receive) -> HttpResponse | HttpStreamResponse:
        """Answer one chat request of an OpenAI client."""
        return await self._flow("openai", scope, receive)

    @_chat(
        "/v1/messages",
        "createMessage",
        "anthropic",
        "Answer a chat request in Anthropic's dialect",
        "Anthropic's messages",
        {**_EXAMPLE, "max_tokens": 256},
    )
    async def messages(self, scope: Scope, receive: Receive) -> HttpResponse | HttpStreamResponse:
        """Answer one chat request of an Anthropic client."""
        return await self._flow("anthropic", scope, receive)

    @HttpEndpoint(
        "POST /v1/messages/count_tokens",
        name="countTokens",
        tag="chat",
        scope="decide",
        hot=True,
        long_body=True,
        summary="Count the tokens of a request in Anthropic's dialect",
        description="Counted by the tier's first model whose provider is of Anthropic's kind. Without such a model, or "
        "when it does not answer, the count is an estimate: bytes of all texts / 4, 150 for each tool, 1,000 for each "
        "picture or document. Nothing is decided or logged.",
        body=ChatRequestBody,
        examples={"a question": _EXAMPLE},
        answers={
            200: AnswerType(
                "The count", dict[str, Any], headers={TOKENS_ESTIMATED: "`true` when no provider counted the tokens"}
            )
        },
        problems=(400, 404, 408, 409, 413, 415, 422),
        errors=dialect_errors("anthropic"),
    )
    async def count_tokens(self, scope: Scope, receive: Receive) -> HttpResponse:
        """Answer one token count."""
        return await self._token_counts(scope, receive)

    @HttpEndpoint(
        "GET /v1/models",
        name="listModels",
        tag="chat",
        scope="decide",
        summary="List the names that `model` accepts",
        description="In Anthropic's format for clients that send `anthropic-version`, else in OpenAI's.",
        query=None,
        answers={200: AnswerType("The models", dict[str, Any])},
        errors=dialect_errors(),
    )
    async def list_models(self, request: Request) -> HttpResponse:
        """Return all models."""
        names = self._routing.models
        dialect = dialect_of(request.headers)
        models = [self._model(dialect, name) for name in names]
        if dialect == "openai":
            return HttpResponse(200, encode({"object": "list", "data": models}))
        return HttpResponse(
            200, encode({"data": models, "has_more": False, "first_id": names[0], "last_id": names[-1]})
        )

    @HttpEndpoint(
        "GET /v1/models/{model:path}",
        name="getModel",
        tag="chat",
        scope="decide",
        summary="Get one model",
        query=None,
        answers={200: AnswerType("The model", dict[str, Any])},
        problems=(404,),
        errors=dialect_errors(),
    )
    async def get_model(self, request: Request) -> HttpResponse:
        """Return one model."""
        name: str = request.path_params["model"]
        dialect = dialect_of(request.headers)
        if name not in self._routing.models:
            return error_response(dialect, self._routing.unknown(name))
        return HttpResponse(200, encode(self._model(dialect, name)))

    def _model(self, dialect: Dialect, name: str) -> dict[str, Any]:
        if dialect == "openai":
            return {"id": name, "object": "model", "created": self._created_s, "owned_by": "pointsman"}
        created_at = datetime.fromtimestamp(self._created_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"type": "model", "id": name, "display_name": name, "created_at": created_at}
