"""Cost of an answer: its tokens times the provider's rates."""

from pointsman.llm.pricing.prices import Prices
from pointsman.llm.pricing.rates import FREE, Rate, Rates
from pointsman.llm.pricing.token_estimate import CHARS_PER_TOKEN, estimated_usage

__all__ = ["CHARS_PER_TOKEN", "FREE", "Prices", "Rate", "Rates", "estimated_usage"]
