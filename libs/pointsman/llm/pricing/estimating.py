"""Tokens of an answer whose provider has not told them: counted from the text, and marked as such."""

from __future__ import annotations

from pointsman.llm.providers.base import Completion, Usage

CHARS_PER_TOKEN = 4
"""A common rule of thumb for English; other languages, code and numbers have fewer characters to a token."""


def completed_usage(completion: Completion, input_tokens: int) -> Usage:
    """Return what the provider has told of tokens, and estimates in place of what it has not.

    Parameters
    ----------
    completion : Completion
    input_tokens : int
        An estimate of the prompt's, for want of better.
    """
    usage = completion.usage or Usage()
    if usage.input_tokens is not None and usage.output_tokens is not None:
        return usage
    chars = completion.text_chars + sum(len(call.name) + len(call.arguments) for call in completion.tool_calls)
    output_tokens = -(-chars // CHARS_PER_TOKEN)
    return Usage(
        input_tokens=input_tokens if usage.input_tokens is None else usage.input_tokens,
        output_tokens=output_tokens if usage.output_tokens is None else usage.output_tokens,
        cached_input_tokens=usage.cached_input_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        estimated=True,
    )
