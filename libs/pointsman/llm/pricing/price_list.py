"""The price list: the package genai-prices, as it was installed. It is never asked for news over the network.

Its own calculation takes some 0.4 ms a call, so a model is looked up once and its rates are kept.
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
"""What the names of models end with that cost nothing, and have no rates in the list."""


class Listed(NamedTuple):
    """A model of the list. Its rates may depend on the day and the time of day."""

    model: ModelInfo

    def rates(self, at: datetime | None = None) -> Rates:
        """Return what holds now, or at another time."""
        found = self.model.get_prices(at or datetime.now(UTC))
        told: dict[str, Any] = {name: value for name, value in vars(found).items() if value is not None}
        if not told and self.model.id.endswith(FREE_SUFFIX):
            return FREE
        return Rates(
            input=_rate(told.get("input_mtok")),
            output=_rate(told.get("output_mtok")),
            cached=_rate(told.get("cache_read_mtok")),
            cache_write=_rate(told.get("cache_write_mtok")),
            call_usd=float(told.get("requests_kcount", 0)) / 1000.0,
        )


def find_listed(provider: str | None, url: str | None, models: Iterable[str]) -> Listed | None:
    """Return the first of the models that the list has at a provider; None when it has none.

    Parameters
    ----------
    provider : str, optional
        By the name that the list has for it.
    url : str, optional
        Or by its address.
    models : iterable of str
        Names that the model may have in the list.
    """
    snapshot = get_snapshot()
    found = _provider(snapshot, provider, url)
    if found is None:
        return None
    for name in models:
        model = found.find_model(name, all_providers=snapshot.providers)
        if model is not None:
            return Listed(model)
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
