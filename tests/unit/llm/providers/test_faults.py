"""Whose fault a failure is: by status, words and what the gateway has changed."""

from __future__ import annotations

import pytest

from pointsman.llm.providers.dialects.errors import ProviderErrorBody
from pointsman.llm.providers.faults.fault import Fault, Verdict
from pointsman.llm.providers.faults.judge import judge_connection, judge_response
from pointsman.llm.providers.faults.wordings import Kind, recognise
from pointsman.llm.providers.health import Scope
from pointsman.runtime.http import errors

LENGTHS = [
    "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens.",
    "prompt is too long: 210000 tokens > 200000 maximum",
    "Your input exceeds the context window of this model. Please adjust your input and try again.",
    "input length and `max_tokens` exceed context limit: 190000 + 64000 > 200000",
    "max_tokens: 64000 > 8192, which is the maximum allowed number of output tokens for claude-3-5-haiku",
    "max_tokens is too large: 64000. This model supports at most 16384 completion tokens, whereas you provided 64000.",
    "Invalid 'max_output_tokens': integer above maximum value. Expected a value <= 32768, but got 64000 instead.",
    "Invalid max_tokens value, the valid range of max_tokens is [1, 8192]",
    "max_tokens: Input should be less than or equal to 8192",
    "The maximum tokens you requested exceeds the model limit of 4096.",
    "Unable to submit request because it has a maxOutputTokens value of 64000 but the supported range is from 1 "
    "(inclusive) to 8193 (exclusive).",
    "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
    "Unable to submit request because the input token count is 40000 but the model only supports up to 32768.",
    "Trying to keep the first 9001 tokens when context the overflows.",
    "the request exceeds the available context size, try increasing it",
    "The decoder prompt (length 9001) is longer than the maximum model length of 4096.",
    "This model's maximum prompt length is 131072 but the request contains 200000 tokens.",
    "Invalid request: Your request exceeded model token limit: 262144 (requested: 280000)",
    "Prompt exceeds max length",
    "Range of input length should be [1, 129024]",
    "Input validation error: `inputs` must have less than 4096 tokens. Given: 5123",
    "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 32769.",
    "Please reduce the length of the messages or completion.",
    "prompt token count of 130000 exceeds the limit of 128000",
    "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
    "too many tokens: total number of tokens in the prompt cannot exceed 4081",
    "Input is too long for requested model.",
    "Input Tokens Exceeded: Number of input tokens exceeds maximum length.",
    "Prompt has too many tokens",
    "The total number of tokens in the prompt (9001) is above the model limit",
    "Input validation failed: prompt must be shorter than 8000 tokens",
    "the value of max_tokens should be between 1 and 8192",
    "model_max_length exceeded",
    "Invalid 'messages[0].content': string too long. Expected a string with maximum length 1048576, but got 2000000.",
]
FEATURES = {
    "messages[0].role: unknown variant `developer`, expected one of `system`, `user`, `assistant`": "developer",
    "developer is not one of ['system', 'assistant', 'user', 'function'] - 'messages.0.role'": "developer",
    "registry.ollama.ai/library/gemma does not support tools": "tools",
    "No endpoints found that support tool use.": "tools",
    "Function calling is not enabled for this model": "tools",
    "This model doesn't support tool use in streaming mode.": "tools",
    '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set': "tool_choice",
    "This response_format type is unavailable now": "json_schema",
    "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.": "json_schema",
    "m is not a multimodal model": "images",
    "Invalid content type. image_url is only supported by certain models.": "images",
    "This model does not support image input": "images",
    "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj": "images",
    "Model m cannot process documents": "documents",
    "`reasoning_effort` is not supported with this model": "reasoning_effort",
    "This model does not support the effort parameter.": "reasoning_effort",
    "adaptive thinking is not supported on this model": "thinking",
    "parallel_tool_calls is not supported with this model": "parallel_tool_calls",
    "Unexpected value(s) `context-1m-2025-08-07` for the `anthropic-beta` header.": "anthropic-beta",
    "This model does not support assistant message prefill.": "prefill",
    "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is supported.": (
        "temperature"
    ),
    "`temperature` is deprecated for this model.": "temperature",
    "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.": (
        "max_tokens"
    ),
    "messages.1.content.0: Invalid `signature` in `thinking` block": "thinking_history",
    "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`.": "thinking_history",
    "You invoked an unsupported model or your request did not allow prompt caching.": "cache_control",
    "Malformed input request: #/toolConfig/tools/1: extraneous key [cachePoint] is not permitted": "cache_control",
    "System role not supported": "system",
    "messages[3]: invalid type: sequence, expected a string": "list_content",
    "messages.1.content: Input should be a valid string": "list_content",
    "invalid message content type: <nil>": "null_content",
    "Unrecognized request argument supplied: store": "store",
    "role 'developer' is invalid": "developer",
    "messages.0.role: Input should be 'user', 'assistant' or 'tool'": "developer",
    "invalid beta flag": "anthropic-beta",
    "Unsupported beta: context-1m": "anthropic-beta",
    "Only temperature=1 is allowed for this model": "temperature",
    "temperature must be 1 for this model": "temperature",
    "The final message must be from the user": "prefill",
    "No vision support": "images",
    "thinking.type: adaptive is not a supported value, enabled or disabled are": "thinking",
}
MISTAKES = [
    "messages: at least one message is required",
    "messages.0.content: Field required",
    "temperature: Input should be less than or equal to 1",
    "max_tokens: Input should be greater than or equal to 1",
    "max_tokens must be at least 1",
    "We could not parse the JSON body of your request.",
    "you must provide a model parameter: missing field `model`",
]


def judge(status: int, message: str = "", *, changed: bool = False, code: str | None = None) -> Verdict:
    return judge_response(status, ProviderErrorBody(message, code=code), changed=changed)


@pytest.mark.parametrize("text", LENGTHS)
def test_a_limit_of_length_is_the_models_in_any_words(text: str) -> None:
    found = recognise(text)
    assert found is not None
    assert found.kind is Kind.LENGTH
    verdict = judge(400, text)
    assert (verdict.fault, verdict.closes) == (Fault.MODEL, Scope.NOTHING)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("prompt is too long: 210000 tokens > 200000 maximum", ("input_length",)),
        ("The decoder prompt (length 9001) is longer than the maximum model length of 4096.", ("input_length",)),
        ("max_tokens: 64000 > 8192, which is the maximum allowed number of output tokens for m", ("output_length",)),
        ("Invalid max_tokens value, the valid range of max_tokens is [1, 8192]", ("output_length",)),
        ("max_tokens is too large: 64000. This model supports at most 16384 completion tokens", ("output_length",)),
        ("input length and `max_tokens` exceed context limit: 190000 + 64000 > 200000", ()),
        ("However, you requested 9001 tokens (8001 in the messages, 1000 in the completion), context length 8192", ()),
    ],
)
def test_the_limit_of_length_is_that_of_the_prompt_or_of_the_answer(text: str, limit: tuple[str, ...]) -> None:
    assert judge(400, text).features == limit


@pytest.mark.parametrize(("text", "feature"), FEATURES.items())
def test_what_a_model_cannot_do_is_named_by_its_refusal(text: str, feature: str) -> None:
    verdict = judge(422, text)
    assert (verdict.fault, verdict.closes, verdict.features[0]) == (Fault.MODEL, Scope.NOTHING, feature)


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_the_clients_unless_the_gateway_has_changed_the_request(text: str) -> None:
    assert judge(400, text) == Verdict(Fault.REQUEST)
    assert judge(400, text, changed=True) == Verdict(Fault.GATEWAY)


def test_words_that_are_not_known_leave_it_unclear() -> None:
    assert judge(400, "no").fault is Fault.UNCLEAR
    assert judge(422).fault is Fault.UNCLEAR
    assert judge(400, "no", changed=True).fault is Fault.GATEWAY


@pytest.mark.parametrize(
    ("status", "text", "fault", "closes"),
    [
        (401, "Incorrect API key provided: sk-abc", Fault.KEY, Scope.PROVIDER),
        (403, "The security token included in the request is invalid.", Fault.KEY, Scope.PROVIDER),
        (403, "", Fault.KEY, Scope.PROVIDER),
        (400, "API key not valid. Please pass a valid API key.", Fault.KEY, Scope.PROVIDER),
        (402, "Insufficient credits", Fault.KEY, Scope.PROVIDER),
        (400, "Your credit balance is too low to access the API.", Fault.KEY, Scope.PROVIDER),
        (
            429,
            "You exceeded your current quota, please check your plan and billing details.",
            Fault.KEY,
            Scope.PROVIDER,
        ),
        (429, "Rate limit reached for m", Fault.PROVIDER, Scope.NOTHING),
        (403, "You don't have access to the model with the specified model ID.", Fault.MODEL, Scope.MODEL),
        (403, "Your account is not authorized to invoke this API operation.", Fault.MODEL, Scope.MODEL),
        (403, "Your input was flagged by moderation", Fault.MODEL, Scope.NOTHING),
        (403, "your request did not allow prompt caching", Fault.MODEL, Scope.NOTHING),
        (404, "The model `m` does not exist", Fault.MODEL, Scope.MODEL),
        (404, "No endpoints found that support image input", Fault.MODEL, Scope.NOTHING),
        (413, "", Fault.MODEL, Scope.NOTHING),
        (500, "boom", Fault.MODEL, Scope.MODEL),
        (500, "An unknown error occurred in the model", Fault.MODEL, Scope.MODEL),
        (500, "image input is not supported", Fault.MODEL, Scope.NOTHING),
        (500, "the request exceeds the available context size", Fault.MODEL, Scope.NOTHING),
        (503, "tools are not available: overloaded", Fault.MODEL, Scope.MODEL),
    ],
)
def test_fault_and_what_it_closes(status: int, text: str, fault: Fault, closes: Scope) -> None:
    verdict = judge(status, text)
    assert (verdict.fault, verdict.closes) == (fault, closes)


def test_words_that_may_contain_the_key_are_not_shown() -> None:
    assert not judge(401, "bad key sk-1").shows_words
    assert not judge(403, "bad key sk-1").shows_words
    assert judge(403, "You don't have access to the model with the specified model ID.").shows_words


def test_a_code_shows_the_kind_without_words() -> None:
    assert judge(400, "no", code="context_length_exceeded").fault is Fault.MODEL
    assert judge(400, "no", code="unsupported_parameter").fault is Fault.MODEL
    assert judge(429, "no", code="insufficient_quota").fault is Fault.KEY


@pytest.mark.parametrize(
    ("error", "fault", "closes"),
    [
        (errors.ServerUnavailable("no connection"), Fault.PROVIDER, Scope.PROVIDER),
        (errors.TlsRejected("certificate"), Fault.PROVIDER, Scope.PROVIDER),
        (errors.ConnectionLost("broke"), Fault.MODEL, Scope.MODEL),
        (errors.InvalidResponse("not HTTP"), Fault.MODEL, Scope.MODEL),
        (errors.NetworkUnavailable("no network"), Fault.NETWORK, Scope.NOTHING),
        (errors.LimitReached("connections", "all are in use"), Fault.GATEWAY, Scope.NOTHING),
    ],
)
def test_fault_of_a_connection(error: errors.HttpError, fault: Fault, closes: Scope) -> None:
    verdict = judge_connection(error)
    assert (verdict.fault, verdict.closes) == (fault, closes)
