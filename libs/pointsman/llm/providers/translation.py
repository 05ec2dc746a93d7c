"""Between the client's dialect and the provider's: encoding a request, and translating its answer."""

from __future__ import annotations

from collections.abc import Mapping
from time import time
from typing import Any, NamedTuple

from pointsman.llm.answers.translator import AnswerTranslator, WrittenAnswer
from pointsman.llm.answers.without_thinking import AnthropicAnswerWithoutThinking
from pointsman.llm.answers.write_anthropic import AnthropicWriter
from pointsman.llm.answers.write_openai import OpenAIWriter
from pointsman.llm.conversation.read_anthropic import read_anthropic
from pointsman.llm.conversation.read_openai import read_openai
from pointsman.llm.effort import without_client_effort
from pointsman.llm.providers.kinds.wire import Wire
from pointsman.llm.request import ChatRequest, requests_reasoning, requests_thinking, requests_usage

_READERS = {"openai": read_openai, "anthropic": read_anthropic}


class EncodedRequest(NamedTuple):
    """A request as it is sent to a provider.

    Attributes
    ----------
    adapted: The client's fields that are not sent, or not as the client wrote them.
    tool_names: From the names of tools that are sent to the client's, where they differ.
    """

    body: bytes
    adapted: tuple[str, ...] = ()
    tool_names: Mapping[str, str] = {}


def encode_request(request: ChatRequest, wire: Wire) -> EncodedRequest:
    """Encode a request for a wire, the client's bytes where nothing changes; raise `Untranslatable`."""
    effort, replaced = wire.effort, list[str]()
    own: dict[str, Any] = request.body
    if effort is not None:
        own, replaced = without_client_effort(request.body, effort.level)
    if request.dialect == wire.dialect and not wire.translates:
        if effort is None:
            return EncodedRequest(wire.encode(request.raw, request))
        adapted = effort.adapt(own, request)
        return EncodedRequest(wire.encode(adapted.body, request), (*replaced, *adapted.dropped))
    written = wire.write(_READERS[request.dialect](own), request)
    return EncodedRequest(wire.encode(written.body, request), (*replaced, *written.adapted), written.tool_names)


def answer_translator(
    request: ChatRequest, wire: Wire, model: str, tool_names: Mapping[str, str] = {}
) -> AnswerTranslator | None:
    """Return the translator of an answer in the provider's dialect; None where the client receives it as it is.

    ``tool_names`` are those that the reader maps back, so an answer with one is written again.
    """
    body = request.body
    asked = requests_thinking(body) if request.dialect == "anthropic" else requests_reasoning(body)
    same = request.dialect == wire.dialect
    if same and not (wire.translates or tool_names):
        hides = request.dialect == "anthropic" and wire.effort is not None and not asked
        return AnthropicAnswerWithoutThinking() if hides else None
    if request.dialect == "openai":
        return WrittenAnswer(OpenAIWriter(int(time()), requests_usage(body), thinking=asked, model=model))
    # A client of Anthropic's models receives their thinking unless the effort of the arm is the reason for it.
    return WrittenAnswer(AnthropicWriter(model, thinking=asked or (same and wire.effort is None)))
