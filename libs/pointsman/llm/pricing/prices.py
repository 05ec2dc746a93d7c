"""Prices of every arm: from ``[[price]]`` of the configuration, otherwise from the price list; and token estimates."""

from __future__ import annotations

import asyncio
import importlib
from collections import OrderedDict
from collections.abc import Sequence
from time import monotonic
from typing import NamedTuple, Protocol

from pointsman.contracts.config.outcomes import PriceConfig
from pointsman.contracts.config.providers import PROVIDER_KINDS, ProviderConfig, provider_named
from pointsman.core.bandit import Arm
from pointsman.llm.completion import Completion, Usage
from pointsman.llm.effort import split_effort
from pointsman.llm.pricing.rates import FREE, Rate, Rates

RATES_TTL_S = 60.0
"""How long rates are cached: those of some models depend on the time of day."""
MAX_CACHED = 4096
CHARS_PER_TOKEN = 4
"""A rule of thumb for English; other languages, code and numbers have fewer characters per token."""


class _RateSource(Protocol):
    def rates(self) -> Rates: ...


class _CachedRates(NamedTuple):
    source: _RateSource | None
    rates: Rates | None
    until_s: float


class Prices:
    """Turns usage into cost.

    The price list is loaded at the first use, in a thread: it takes about 0.3 s and 30 MB, which a gateway that
    calls no models does not need.
    """

    def __init__(self, prices: Sequence[PriceConfig], providers: Sequence[ProviderConfig]) -> None:
        self._configured = {(price.provider, price.model): price for price in prices}
        self._providers = list(providers)
        self._cached: OrderedDict[tuple[Arm, str | None], _CachedRates] = OrderedDict()
        self._loaded = False

    async def load(self) -> None:
        """Load the price list; idempotent, and fast when it is loaded."""
        if not self._loaded:
            await asyncio.to_thread(importlib.import_module, "pointsman.llm.pricing.price_list")
            self._loaded = True

    def cost_usd(self, arm: Arm, usage: Usage, answered_by: str | None = None) -> float | None:
        """Return the cost of a call; None when it is unknown.

        A configured price comes first, then the cost that the provider reports, then the price list. Models with
        another name in the configuration, such as deployments, are found by ``answered_by``, their name in the answer.
        """
        price = self._price(arm)
        if price is None and usage.cost_usd is not None:
            return usage.cost_usd
        rates = self._rates(arm, answered_by, price)
        return rates.cost_usd(usage) if rates is not None else None

    def _price(self, arm: Arm) -> PriceConfig | None:
        provider, configured = arm.provider, self._configured
        price = configured.get((provider, arm.model)) or configured.get((provider, split_effort(arm.model)[0]))
        return price or configured.get((provider, None))

    def _rates(self, arm: Arm, answered_by: str | None, price: PriceConfig | None) -> Rates | None:
        if price is not None and price.like is None:
            return _configured_rates(price)
        rates = self._listed_rates(arm, None, price)
        # The provider chooses the name in the answer: it matters only where the arm's own is not listed.
        return rates if rates is not None or answered_by is None else self._listed_rates(arm, answered_by, price)

    def _listed_rates(self, arm: Arm, answered_by: str | None, price: PriceConfig | None) -> Rates | None:
        key = arm, answered_by
        now_s = monotonic()
        cached = self._cached.get(key)
        if cached is None or now_s >= cached.until_s:
            source = self._look_up(arm, answered_by, price) if cached is None else cached.source
            cached = _CachedRates(source, source.rates() if source is not None else None, now_s + RATES_TTL_S)
            self._cached[key] = cached
            if len(self._cached) > MAX_CACHED:
                self._cached.popitem(last=False)
        return cached.rates

    def _look_up(self, arm: Arm, answered_by: str | None, price: PriceConfig | None) -> _RateSource | None:
        from pointsman.llm.pricing.price_list import find_listed  # noqa: PLC0415  # heavy: see `load`

        provider = provider_named(self._providers, arm.provider)
        if answered_by is not None:
            names = [answered_by]
        else:
            model = split_effort(arm.model)[0]
            models = provider.models if provider is not None else {}
            names = [models.get(arm.model) or models.get(model, model), model]
        if price is not None:
            return find_listed(price.like, None, names)
        if provider is None:
            return None
        name = PROVIDER_KINDS[provider.kind or "openai"].price_list_name
        if name is None and provider.base_url is None:
            return None
        return find_listed(name, provider.base_url, names)


def _configured_rates(price: PriceConfig) -> Rates:
    if price.free:
        return FREE
    return Rates(
        input=_rate(price.input_usd_per_million),
        output=_rate(price.output_usd_per_million),
        cached=_rate(price.cached_usd_per_million),
        cache_write=_rate(price.cache_write_usd_per_million),
    )


def _rate(usd_per_million: float | None) -> Rate | None:
    return None if usd_per_million is None else Rate(usd_per_million)


def estimated_usage(completion: Completion, input_tokens: int) -> Usage:
    """Return the reported usage, with estimates in place of what is missing; ``input_tokens`` is that of the prompt."""
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
        cost_usd=usage.cost_usd,
    )
