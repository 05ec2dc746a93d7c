"""Anthropic's messages, and the endpoint that counts the tokens of a request.

Reference: https://docs.anthropic.com/en/api/messages and https://docs.anthropic.com/en/api/messages-count-tokens.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pointsman.llm.answers.events import Piece
from pointsman.llm.answers.read_anthropic import AnthropicReader
from pointsman.llm.answers.recorder import AnswerReader, CompletionRecorder
from pointsman.llm.completion import Usage
from pointsman.llm.conversation.form import RequestForm, Written
from pointsman.llm.conversation.target import ANTHROPIC
from pointsman.llm.conversation.write_anthropic import write_anthropic
from pointsman.llm.providers.dialects.answer_json import decode_answer
from pointsman.llm.providers.dialects.usage import TokenCount
from pointsman.llm.providers.kinds.wire import Wire, endpoint_url
from pointsman.llm.providers.settings import ProviderSettings
from pointsman.llm.request import Dialect

MESSAGES_PATH = "/messages"
VERSION = "2023-06-01"


class AnthropicWire(Wire):
    """Anthropic's messages, with the model in the body and the key in ``x-api-key``."""

    dialect: Dialect = "anthropic"

    def __init__(self, settings: ProviderSettings, model: str) -> None:
        config = settings.config
        own_headers = {"anthropic-version": config.api_version or VERSION}
        if settings.api_key:
            own_headers["x-api-key"] = settings.api_key
        super().__init__(settings, model, endpoint_url(config.base_url or "", "/v1", MESSAGES_PATH), own_headers)
        self._target = ANTHROPIC._replace(default_max_tokens=config.default_max_tokens)

    def _written(self, conversation: RequestForm) -> Written:
        return write_anthropic(conversation, self._target)

    def reader(self) -> AnswerReader:
        """Return the reader of a new answer."""
        return AnthropicReader()


class _TokenCount(msgspec.Struct):
    input_tokens: TokenCount


_decoder = msgspec.json.Decoder(_TokenCount)


class TokenCountWire(AnthropicWire):
    """Anthropic's endpoint that counts the tokens of a request without answering it."""

    def __init__(self, settings: ProviderSettings, model: str) -> None:
        super().__init__(settings, model)
        self._url = self._url.with_path(f"{self._url.raw_path}/count_tokens", encoded=True)

    def reader(self) -> AnswerReader:
        """Return the reader of a count."""
        return TokenCountReader()


class TokenCountReader:
    """Checks that a response is a token count."""

    def __init__(self) -> None:
        self.recorder = CompletionRecorder()
        self.tool_names: Mapping[str, str] = {}
        self.only_usage = False

    def event(self, data: bytes) -> list[Piece]:
        """Do nothing: a count is not a stream."""
        return []

    def whole(self, body: bytes) -> list[Piece]:
        """Read a count; raise `msgspec.MsgspecError` when the body is something else."""
        self.recorder.usage = Usage(input_tokens=decode_answer(_decoder, body).input_tokens)
        return []
