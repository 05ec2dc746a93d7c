"""Living with dependencies that fail or hang."""

from pointsman.resilience.breaker import Breaker

__all__ = ["Breaker"]
