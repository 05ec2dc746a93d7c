"""Rates of one model in US dollars, and the cost of a call."""

from __future__ import annotations

from typing import NamedTuple

from pointsman.llm.completion import Usage

PER_MILLION = 1e-6


class Rate(NamedTuple):
    """US dollars per million tokens.

    Steps are pairs (tokens, rate), ascending: for a prompt longer than that, all tokens of the call have this rate.
    """

    base: float
    steps: tuple[tuple[int, float], ...] = ()

    def at(self, input_tokens: int) -> float:
        """Return the rate of a call whose prompt has this many tokens."""
        found = self.base
        for start, rate in self.steps:
            if input_tokens > start:
                found = rate
        return found


class Rates(NamedTuple):
    """Rates of one model."""

    input: Rate | None  # None is unknown
    output: Rate | None  # None is unknown, or a model that returns no tokens
    cached: Rate | None = None  # of tokens read from the provider's prompt cache; None is the input rate
    cache_write: Rate | None = None  # of tokens written to it; None is the input rate
    call_usd: float = 0.0  # price of the call itself

    def cost_usd(self, usage: Usage) -> float | None:
        """Return the cost of a call; None when a rate or a number of tokens is unknown."""
        tokens = usage.input_tokens
        if self.input is None or tokens is None or usage.output_tokens is None:
            return None
        if self.output is None and usage.output_tokens:
            return None
        cached = min(usage.cached_input_tokens or 0, tokens)
        written = min(usage.cache_write_tokens or 0, tokens - cached)
        sums = (
            (self.input, tokens - cached - written),
            (self.cached or self.input, cached),
            (self.cache_write or self.input, written),
            (self.output or self.input, usage.output_tokens),
        )
        return self.call_usd + sum(rate.at(tokens) * count for rate, count in sums) * PER_MILLION


FREE = Rates(Rate(0.0), Rate(0.0))
"""Rates of a free model."""
