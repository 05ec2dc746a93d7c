"""Token counts that providers report: the one place where they are checked.

A provider may send anything in place of a count. What is not a plausible count is unknown (None), and the reason is
recorded; the answer itself is not affected. Costs that some providers report are not read: a cost is always tokens
times rates.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from pointsman.llm.completion import Usage

MAX_TOKENS = 100_000_000
"""More than any context window has. A larger count would hide all others in averages and sums."""

TokenCount = Annotated[int, Meta(ge=0, le=MAX_TOKENS)]
UsageFault = Literal["negative", "too_large", "not_integer", "not_object"]
"""Why a count, or all of the usage, is unknown."""


class _PromptDetails(msgspec.Struct):
    cached_tokens: TokenCount | None = None
    cache_write_tokens: TokenCount | None = None


class _OpenAICounts(msgspec.Struct):
    prompt_tokens: TokenCount | None = None
    completion_tokens: TokenCount | None = None
    total_tokens: TokenCount | None = None
    prompt_tokens_details: _PromptDetails | None = None
    prompt_cache_hit_tokens: TokenCount | None = None  # DeepSeek's name of cached_tokens


class _AnthropicCounts(msgspec.Struct):
    input_tokens: TokenCount | None = None
    output_tokens: TokenCount | None = None
    cache_read_input_tokens: TokenCount | None = None
    cache_creation_input_tokens: TokenCount | None = None


Counts = TypeVar("Counts", bound=msgspec.Struct)
_GROUPS: dict[str, type[msgspec.Struct]] = {"prompt_tokens_details": _PromptDetails}
"""Fields that are groups of counts."""


def openai_usage(reported: Any, faults: set[UsageFault]) -> Usage:
    """Return the usage of an OpenAI answer from decoded JSON; why counts are unknown is added to ``faults``."""
    counts = _read(reported, _OpenAICounts, faults)
    output_tokens = counts.completion_tokens
    if counts.total_tokens and counts.prompt_tokens is not None and output_tokens is not None:
        # Some (xAI, Gemini) count reasoning in the total only.
        output_tokens = max(output_tokens, counts.total_tokens - counts.prompt_tokens)
    details = counts.prompt_tokens_details or _PromptDetails()
    cached = details.cached_tokens
    return Usage(
        input_tokens=counts.prompt_tokens,
        output_tokens=output_tokens,
        cached_input_tokens=counts.prompt_cache_hit_tokens if cached is None else cached,
        cache_write_tokens=details.cache_write_tokens,
    )


class AnthropicUsage:
    """The usage of one Anthropic answer, whose stream reports running totals.

    Attributes
    ----------
    usage: What is known so far; None when nothing was reported.
    """

    def __init__(self, faults: set[UsageFault]) -> None:
        self.usage: Usage | None = None
        self._faults = faults
        self._known = _AnthropicCounts()

    def add(self, reported: Any, *, begins: bool = False) -> None:
        """Merge with the usage so far; counts that are left out stay valid. ``reported`` is decoded JSON.

        Anthropic's ``input_tokens`` excludes what the cache read or wrote; `Usage.input_tokens` includes it. A usage of
        zeros is the placeholder at the beginning of a translated stream. ``begins``: the stream's first report, whose
        length of the answer is a placeholder too; the real one is at the end.
        """
        counts = _read(reported, _AnthropicCounts, self._faults)
        if begins:
            counts.output_tokens = None
        if not any(getattr(counts, name) for name in counts.__struct_fields__):
            return
        known = self._known
        for name in known.__struct_fields__:
            if getattr(counts, name) is not None:
                setattr(known, name, getattr(counts, name))
        cached, written = known.cache_read_input_tokens, known.cache_creation_input_tokens
        self.usage = Usage(
            input_tokens=None if known.input_tokens is None else known.input_tokens + (cached or 0) + (written or 0),
            output_tokens=known.output_tokens,
            cached_input_tokens=cached,
            cache_write_tokens=written,
        )


def _read(reported: Any, form: type[Counts], faults: set[UsageFault]) -> Counts:
    """Return the counts; one that is not plausible is None."""
    try:
        return msgspec.convert(reported, form)
    except msgspec.ValidationError:
        return _plausible(reported, form, faults)


def _plausible(reported: Any, form: type[Counts], faults: set[UsageFault]) -> Counts:
    if not isinstance(reported, dict):
        faults.add("not_object")
        return form()
    counts: dict[str, Any] = {}
    for name in form.__struct_fields__:
        value = reported.get(name)
        if value is not None:
            group = _GROUPS.get(name)
            counts[name] = _count(value, faults) if group is None else _plausible(value, group, faults)
    return form(**counts)


def _count(value: Any, faults: set[UsageFault]) -> int | None:
    if not isinstance(value, int | float) or isinstance(value, bool) or value != value:  # noqa: PLR0124  # NaN
        faults.add("not_integer")
    elif value < 0:
        faults.add("negative")
    elif value > MAX_TOKENS:
        faults.add("too_large")
    elif value != int(value):
        faults.add("not_integer")
    else:
        return int(value)
    return None
