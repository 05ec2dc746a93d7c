"""What calls of each arm cost, by the configuration first and the price list else."""

from __future__ import annotations

import asyncio
import importlib
from collections import OrderedDict
from collections.abc import Sequence
from time import monotonic
from typing import NamedTuple, Protocol

from pointsman.contracts.config.prices import PriceConfig
from pointsman.contracts.config.providers import ProviderConfig, provider_named
from pointsman.core.bandit import Arm
from pointsman.llm.pricing.rates import FREE, Rate, Rates
from pointsman.llm.providers.base import Usage

FRESH_S = 60.0
"""How long rates are kept: those of some models go by the time of day."""
MAX_KEPT = 4096

_BY_KIND = {"azure-openai": "azure", "bedrock": "aws"}
"""Kinds of providers whose addresses say less than the kind does: what the list calls them."""


class _Listed(Protocol):
    def rates(self) -> Rates: ...


class _Kept(NamedTuple):
    listed: _Listed | None
    rates: Rates | None
    until_s: float


class Prices:
    """Turns usage into cost.

    The price list is read at the first use, in a thread: it takes some 0.3 s and 30 MB, which a gateway that calls no
    models need not have.

    Parameters
    ----------
    prices : sequence of PriceConfig
    providers : sequence of ProviderConfig
    """

    def __init__(self, prices: Sequence[PriceConfig], providers: Sequence[ProviderConfig]) -> None:
        self._told = {(price.provider, price.model): price for price in prices}
        self._providers = list(providers)
        self._kept: OrderedDict[tuple[Arm, str | None], _Kept] = OrderedDict()
        self._loaded = False

    async def load(self) -> None:
        """Have the price list ready; repeatable, and quick when it is."""
        if not self._loaded:
            await asyncio.to_thread(importlib.import_module, "pointsman.llm.pricing.price_list")
            self._loaded = True

    def cost_usd(self, arm: Arm, usage: Usage, answered_by: str | None = None) -> float | None:
        """Return what a call cost; None when that is not known.

        Parameters
        ----------
        arm : Arm
        usage : Usage
        answered_by : str, optional
            The model as the provider called it in its answer: for one that is named otherwise in the configuration, as
            deployments are.
        """
        rates = self._rates(arm, answered_by)
        return rates.cost_usd(usage) if rates is not None else None

    def _rates(self, arm: Arm, answered_by: str | None) -> Rates | None:
        told = self._told.get((arm.provider, arm.model)) or self._told.get((arm.provider, None))
        if told is not None and told.like is None:
            return _told_rates(told)
        key = arm, answered_by
        now_s = monotonic()
        kept = self._kept.get(key)
        if kept is None or now_s >= kept.until_s:
            listed = self._look_up(arm, answered_by, told) if kept is None else kept.listed
            kept = _Kept(listed, listed.rates() if listed is not None else None, now_s + FRESH_S)
            self._kept[key] = kept
            if len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        return kept.rates

    def _look_up(self, arm: Arm, answered_by: str | None, told: PriceConfig | None) -> _Listed | None:
        from pointsman.llm.pricing.price_list import find_listed  # noqa: PLC0415  # heavy: see `load`

        provider = provider_named(self._providers, arm.provider)
        names = [provider.models.get(arm.model, arm.model), arm.model] if provider is not None else [arm.model]
        if answered_by:
            names.append(answered_by)
        if told is not None:
            return find_listed(told.like, None, names)
        if provider is None:
            return None
        by_kind = _BY_KIND.get(provider.kind or "")
        if by_kind is None and provider.base_url is None:
            return None
        return find_listed(by_kind, provider.base_url, names)


def _told_rates(price: PriceConfig) -> Rates:
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
