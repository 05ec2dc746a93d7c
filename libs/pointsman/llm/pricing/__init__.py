"""What an answer cost: tokens times what the provider asks for them."""

from pointsman.llm.pricing.estimating import CHARS_PER_TOKEN, completed_usage
from pointsman.llm.pricing.prices import Prices
from pointsman.llm.pricing.rates import FREE, Rate, Rates

__all__ = ["CHARS_PER_TOKEN", "FREE", "Prices", "Rate", "Rates", "completed_usage"]
