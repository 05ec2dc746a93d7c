"""The price list: the installed package genai-prices, which is never updated over the network.

Its own calculation takes about 0.4 ms a call, so a model is looked up once and its rates are cached.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from genai_prices.data_snapshot import DataSnapshot, get_snapshot
from genai_prices.types import ModelInfo, Provider, TieredPrices

from pointsman.llm.pricing.rates import FREE, Rate, Rates

FREE_SUFFIX = ":free"
"""Suffix of models that are free and have no rates in the list."""


class ListedModel(NamedTuple):
    """A model of the list. Its rates may depend on the date and the time of day."""

    model: ModelInfo

    def rates(self, at: datetime | None = None) -> Rates:
        """Return the rates at a time, by default now."""
        found = self.model.get_prices(at or datetime.now(UTC))
        prices: dict[str, Any] = {name: value for name, value in vars(found).items() if value is not None}
        if not prices and self.model.id.endswith(FREE_SUFFIX):
            return FREE
        return Rates(
            input=_rate(prices.get("input_mtok")),
            output=_rate(prices.get("output_mtok")),
            cached=_rate(prices.get("cache_read_mtok")),
            cache_write=_rate(prices.get("cache_write_mtok")),
            call_usd=float(prices.get("requests_kcount", 0)) / 1000.0,
        )


def find_listed(provider: str | None, url: str | None, models: Iterable[str]) -> ListedModel | None:
    """Return the first of the models that the list has for a provider; None when it has none.

    The provider is found by its name in the list, or without one by its address; ``models`` are possible names.
    """
    snapshot = get_snapshot()
    found = _provider(snapshot, provider, url)
    if found is None:
        return None
    for name in models:
        model = found.find_model(name, all_providers=snapshot.providers)
        if model is not None:
            return ListedModel(model)
    return None


def _provider(snapshot: DataSnapshot, provider: str | None, url: str | None) -> Provider | None:
    try:
        return snapshot.find_provider(None, provider, url if provider is None else None)
    except LookupError:
        return None


def _rate(price: Decimal | TieredPrices | None) -> Rate | None:
    if price is None:
        return None
    if isinstance(price, TieredPrices):
        return Rate(float(price.base), tuple((step.start, float(step.price)) for step in price.tiers))
    return Rate(float(price))
