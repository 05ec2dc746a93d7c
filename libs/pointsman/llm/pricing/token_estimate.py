"""Token estimate for an answer whose provider reported no usage, derived from the length of the text."""

from __future__ import annotations

from pointsman.llm.completion import Completion, Usage

CHARS_PER_TOKEN = 4
"""A rule of thumb for English; other languages, code and numbers have fewer characters per token."""


def estimated_usage(completion: Completion, input_tokens: int) -> Usage:
    """Return the reported usage, with estimates in place of what is missing.

    Parameters
    ----------
    input_tokens : int
        Estimate for the prompt, used when the provider did not report it.
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
