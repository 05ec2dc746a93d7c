"""Token counts and costs that providers report: the one place where they are checked.

A provider may send anything in place of a count. What is not a plausible count is unknown (None), and the reason is
recorded; the answer itself is not affected. A reported cost that is not a plausible cost is no cost.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from pointsman.core.bounds import MAX_COST_USD
from pointsman.llm.completion import Usage

MAX_TOKENS = 100_000_000
"""More than any context window has. A larger count would hide all others in averages and sums."""
USD_PER_TICK = 1e-10
"""Unit of xAI's ``cost_in_usd_ticks``."""

TokenCount = Annotated[int, Meta(ge=0, le=MAX_TOKENS)]
UsageFault = Literal["negative", "too_large", "not_integer", "not_object"]
"""Why a count, or all of the usage, is unknown."""


class _PromptDetails(msgspec.Struct):
    cached_tokens: TokenCount | None = None
    cache_write_tokens: TokenCount | None = None  # OpenRouter
    cache_creation_tokens: TokenCount | None = None  # LiteLLM
    cache_creation_input_tokens: TokenCount | None = None  # Alibaba


class _Cost(msgspec.Struct):
    """Costs, checked where they are read; each provider has one of them."""

    cost: Any = None  # OpenRouter, Vercel; of Perplexity an object
    total_cost: Any = None
    estimated_cost: Any = None  # DeepInfra
    cost_in_usd_ticks: Any = None  # xAI
    is_byok: Any = None
    cost_details: Any = None  # OpenRouter


class _OpenAICounts(_Cost):
    prompt_tokens: TokenCount | None = None
    completion_tokens: TokenCount | None = None
    total_tokens: TokenCount | None = None
    prompt_tokens_details: _PromptDetails | None = None
    prompt_cache_hit_tokens: TokenCount | None = None  # DeepSeek, SiliconFlow
    cached_tokens: TokenCount | None = None  # Moonshot, StepFun
    num_cached_tokens: TokenCount | None = None  # Mistral
    # Anthropic's names, which Databricks and several proxies use
    input_tokens: TokenCount | None = None
    output_tokens: TokenCount | None = None
    cache_read_input_tokens: TokenCount | None = None
    cache_creation_input_tokens: TokenCount | None = None


class _AnthropicCounts(_Cost):
    input_tokens: TokenCount | None = None
    output_tokens: TokenCount | None = None
    cache_read_input_tokens: TokenCount | None = None
    cache_creation_input_tokens: TokenCount | None = None


_COUNTS = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
_COSTS = frozenset(_Cost.__struct_fields__)
Counts = TypeVar("Counts", bound=msgspec.Struct)
_GROUPS: dict[str, type[msgspec.Struct]] = {"prompt_tokens_details": _PromptDetails}
"""Fields that are groups of counts."""


def openai_usage(reported: Any, faults: set[UsageFault]) -> Usage:
    """Return the usage of an OpenAI answer from decoded JSON; why counts are unknown is added to ``faults``."""
    counts = _read(reported, _OpenAICounts, faults)
    details = counts.prompt_tokens_details or _PromptDetails()
    prompt = _first(counts.prompt_tokens, counts.input_tokens)
    output = _first(counts.completion_tokens, counts.output_tokens)
    cached = _first(
        details.cached_tokens,
        counts.prompt_cache_hit_tokens,
        counts.cached_tokens,
        counts.num_cached_tokens,
        counts.cache_read_input_tokens,
    )
    written = _first(
        details.cache_write_tokens,
        details.cache_creation_tokens,
        details.cache_creation_input_tokens,
        counts.cache_creation_input_tokens,
    )
    if prompt is not None and (cached or 0) + (written or 0) > prompt:
        prompt += (cached or 0) + (written or 0)  # counted apart, as Anthropic does
    if counts.total_tokens and prompt is not None and output is not None:
        # Some (xAI, Gemini) count reasoning in the total only.
        output = max(output, counts.total_tokens - prompt)
    return Usage(
        input_tokens=prompt,
        output_tokens=output,
        cached_input_tokens=cached,
        cache_write_tokens=written,
        cost_usd=_cost_usd(counts),
    )


def merged_usage(known: Usage | None, later: Usage) -> Usage:
    """Return a usage with what a later report of the same answer adds; a report of zeros is a placeholder."""
    if known is None:
        return later
    if not (later.input_tokens or later.output_tokens):
        return known if later.cost_usd is None else msgspec.structs.replace(known, cost_usd=later.cost_usd)
    return Usage(
        input_tokens=_first(later.input_tokens, known.input_tokens),
        output_tokens=_first(later.output_tokens, known.output_tokens),
        cached_input_tokens=_first(later.cached_input_tokens, known.cached_input_tokens),
        cache_write_tokens=_first(later.cache_write_tokens, known.cache_write_tokens),
        cost_usd=known.cost_usd if later.cost_usd is None else later.cost_usd,
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
        self._cost_usd: float | None = None

    def add(self, reported: Any, *, begins: bool = False) -> None:
        """Merge with the usage so far; counts that are left out stay valid. ``reported`` is decoded JSON.

        Anthropic's ``input_tokens`` excludes what the cache read or wrote; `Usage.input_tokens` includes it. A usage of
        zeros is the placeholder at the beginning of a translated stream. ``begins``: the stream's first report, whose
        length of the answer is a placeholder too; the real one is at the end.
        """
        counts = _read(reported, _AnthropicCounts, self._faults)
        cost_usd = _cost_usd(counts)
        if begins:
            counts.output_tokens = None
        if cost_usd is None and not any(getattr(counts, name) for name in _COUNTS):
            return
        if cost_usd is not None:
            self._cost_usd = cost_usd
        known = self._known
        for name in _COUNTS:
            if getattr(counts, name) is not None:
                setattr(known, name, getattr(counts, name))
        cached, written = known.cache_read_input_tokens, known.cache_creation_input_tokens
        self.usage = Usage(
            input_tokens=None if known.input_tokens is None else known.input_tokens + (cached or 0) + (written or 0),
            output_tokens=known.output_tokens,
            cached_input_tokens=cached,
            cache_write_tokens=written,
            cost_usd=self._cost_usd,
        )


def _first(*counts: int | None) -> int | None:
    """Return the first count that is known, one above 0 before a 0."""
    known = [count for count in counts if count is not None]
    return next((count for count in known if count), known[0] if known else None)


def _cost_usd(counts: _Cost) -> float | None:
    """Return what the provider reports that the call costs."""
    ticks = _usd(counts.cost_in_usd_ticks, USD_PER_TICK)
    if ticks is not None:
        return ticks
    cost = counts.cost.get("total_cost") if isinstance(counts.cost, dict) else counts.cost
    for value in (cost, counts.total_cost, counts.estimated_cost):
        found = _usd(value)
        if found is not None:
            # With a key of the customer's own, OpenRouter's cost is its fee alone.
            details = counts.cost_details if counts.is_byok is True else None
            upstream = details.get("upstream_inference_cost") if isinstance(details, dict) else None
            return found + (_usd(upstream) or 0.0)
    return None


def _usd(value: Any, unit: float = 1.0) -> float | None:
    """Return an amount in US dollars; None for what is no plausible amount, NaN among it."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return value * unit if 0.0 <= value <= MAX_COST_USD / unit else None


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
        if name in _COSTS:
            counts[name] = value
        elif value is not None:
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
