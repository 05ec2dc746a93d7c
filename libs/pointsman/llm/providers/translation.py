"""Choice of the translation between the client's and the provider's dialect, for a request and for its answer."""

from __future__ import annotations

from time import time
from typing import Any

from pointsman.contracts.config.providers import ProviderConfig
from pointsman.llm.providers.answer.pipeline import AnswerTranslator
from pointsman.llm.providers.kinds.wire import Wire
from pointsman.llm.request import ChatRequest, requests_thinking, requests_usage
from pointsman.llm.translate.anthropic_answer_to_openai import AnthropicAnswerToOpenAI
from pointsman.llm.translate.anthropic_answer_without_thinking import AnthropicAnswerWithoutThinking
from pointsman.llm.translate.anthropic_request_to_openai import anthropic_request_to_openai
from pointsman.llm.translate.openai_answer_to_anthropic import OpenAIAnswerToAnthropic
from pointsman.llm.translate.openai_request_to_anthropic import openai_request_to_anthropic


def translated_body(request: ChatRequest, wire: Wire, config: ProviderConfig) -> bytes | dict[str, Any]:
    """Return the body in the wire's dialect, the client's bytes where nothing changes; raise `Untranslatable`."""
    if request.dialect == wire.dialect:
        return request.body if wire.translates else request.raw
    if request.dialect == "openai":
        return openai_request_to_anthropic(request.body, config.default_max_tokens)
    return anthropic_request_to_openai(request.body, config.max_tokens_field or "max_tokens")


def answer_translator(request: ChatRequest, wire: Wire, model: str) -> AnswerTranslator | None:
    """Return the translator of an answer in the provider's dialect; None where the client receives it as it is."""
    if request.dialect == wire.dialect:
        hides = request.dialect == "anthropic" and wire.effort is not None and not requests_thinking(request.body)
        return AnthropicAnswerWithoutThinking() if hides else None
    if request.dialect == "openai":
        return AnthropicAnswerToOpenAI(int(time()), requests_usage(request.body))
    return OpenAIAnswerToAnthropic(model)
