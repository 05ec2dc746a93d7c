"""Quality and cost of answers: ``[scoring]``, ``[[metric]]`` and ``[[price]]``."""

import math
import re
from collections.abc import Iterator
from typing import Any, ClassVar

from pointsman.contracts.config.section import CLASS_PATH, Section
from pointsman.core.bounds import NonNegative
from pointsman.core.violations import Violation

DEFAULT = "default"
_METRIC_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_RATES = ("input_usd_per_million", "output_usd_per_million", "cached_usd_per_million", "cache_write_usd_per_million")


class ScoringConfig(Section, frozen=True, kw_only=True):
    """``[scoring]``.

    Attributes
    ----------
    scorer: Computes the quality of an answer: ``default``, or a class as ``module:Class``.
    parameters: Keyword arguments of the class.
    """

    scorer: str = DEFAULT
    parameters: dict[str, Any] = {}

    def problems(self) -> Iterator[Violation]:
        """Yield the problems of this section. Only the gateway needs the class, so it is not loaded here."""
        if self.scorer != DEFAULT and not CLASS_PATH.fullmatch(self.scorer):
            yield Violation("scorer", f"expected {DEFAULT!r} or module:Class, got {self.scorer[:80]!r}")


class MetricConfig(Section, frozen=True, kw_only=True):
    """``[[metric]]``: a number measured by another system, and its conversion to quality.

    Attributes
    ----------
    name: Name of the metric in feedback.
    low: The value that is quality 0.
    high: The value that is quality 100; below ``low`` where less is better. Values outside are clamped.
    """

    unique: ClassVar[str] = "name"

    name: str
    low: float = 0.0
    high: float = 1.0

    def quality(self, value: float) -> float:
        """Return the quality of a value, 0 to 100."""
        return min(max(100.0 * (value - self.low) / (self.high - self.low), 0.0), 100.0)

    def problems(self) -> Iterator[Violation]:
        """Yield the problems of this section."""
        if not _METRIC_NAME.fullmatch(self.name):
            yield Violation("name", f"expected 1 to 64 characters from A-Z a-z 0-9 _ . -, got {self.name[:80]!r}")
        if self.low == self.high or math.isnan(self.low) or math.isnan(self.high):
            yield Violation("", f"expected different values of low and high, got {self.low:g} and {self.high:g}")


class PriceConfig(Section, frozen=True, kw_only=True):
    """``[[price]]``: exactly one of ``free``, ``like`` and prices per token.

    Attributes
    ----------
    provider: The provider of the arms.
    model: The model of the arms; by default all models of the provider without a price of their own.
    free: Requests cost nothing, as for a model that you host yourself.
    like: The provider in the built-in price list whose prices apply, for example ``openai`` for a proxy of it.
    input_usd_per_million: US dollars per million input tokens.
    output_usd_per_million: US dollars per million output tokens.
    cached_usd_per_million: US dollars per million tokens read from the provider's prompt cache; the input price by
        default.
    cache_write_usd_per_million: US dollars per million tokens written to the provider's prompt cache; the input price
        by default.
    """

    provider: str
    model: str | None = None
    free: bool = False
    like: str | None = None
    input_usd_per_million: NonNegative | None = None
    output_usd_per_million: NonNegative | None = None
    cached_usd_per_million: NonNegative | None = None
    cache_write_usd_per_million: NonNegative | None = None

    def problems(self) -> Iterator[Violation]:
        """Yield the problems of this section."""
        if not self.provider:
            yield Violation("provider", "must not be empty")
        given = [name for name in _RATES if getattr(self, name) is not None]
        if self.free + (self.like is not None) + bool(given) != 1:
            yield Violation("", "expected one of free = true, like, or prices per million tokens")
        elif given:
            for name in _RATES[:2]:
                if name not in given:
                    yield Violation(name, f"required together with {given[0]}")
