"""What calls cost, where the price list does not know it or is not to be asked: ``[[price]]``."""

from __future__ import annotations

import math
from collections.abc import Iterable

from pointsman.contracts.config.section import Section

_RATES = ("input_usd_per_million", "output_usd_per_million", "cached_usd_per_million", "cache_write_usd_per_million")


class PriceConfig(Section, frozen=True, kw_only=True):
    """``[[price]]``: one of ``free``, ``like``, or what tokens cost.

    Attributes
    ----------
    provider : str
        As arms name it.
    model : str, optional
        As arms name it; all models of the provider that have no price of their own when left out.
    free : bool
        A call costs nothing: a model on a machine of one's own.
    like : str, optional
        The provider of the price list whose prices hold, such as ``openai`` for a proxy in front of it.
    input_usd_per_million : float, optional
        US dollars for a million tokens of the question.
    output_usd_per_million : float, optional
        Likewise of the answer.
    cached_usd_per_million : float, optional
        For tokens that are read from the provider's prompt cache; as for all input when left out.
    cache_write_usd_per_million : float, optional
        For tokens that are written to it; likewise.
    """

    provider: str
    model: str | None = None
    free: bool = False
    like: str | None = None
    input_usd_per_million: float | None = None
    output_usd_per_million: float | None = None
    cached_usd_per_million: float | None = None
    cache_write_usd_per_million: float | None = None


def check_prices(configured: Iterable[PriceConfig]) -> list[str]:
    """Return what is wrong with the ``[[price]]`` sections."""
    problems = []
    seen: set[tuple[str, str | None]] = set()
    for at, price in enumerate(configured):
        where = f"price[{at}]"
        if not price.provider:
            problems.append(f"{where}.provider: is empty")
        if (price.provider, price.model) in seen:
            which = f"{price.provider}:{price.model}" if price.model else price.provider
            problems.append(f"{where}: {which!r} has two prices")
        seen.add((price.provider, price.model))
        told = [name for name in _RATES if getattr(price, name) is not None]
        if price.free + (price.like is not None) + bool(told) != 1:
            problems.append(f"{where}: expected one of free = true, like, or what tokens cost")
        elif told:
            problems += [f"{where}.{name}: is needed" for name in _RATES[:2] if name not in told]
        for name in told:
            value = getattr(price, name)
            if not (math.isfinite(value) and value >= 0.0):
                problems.append(f"{where}.{name}: expected a number of at least 0, got {value}")
    return problems
