"""Errors of the store.

No other error of a store operation reaches a caller: the errors of the Redis client are wrapped by `store_errors`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import RedisError


class StateError(Exception):
    """Base of every error raised by :mod:`pointsman.runtime.store`."""


class StoreUnavailable(StateError):
    """The store cannot be reached, did not respond in time, or refuses to write."""


class StoreCorrupt(StateError):
    """The store holds data that this code does not write."""


@contextmanager
def store_errors(operation: str = "") -> Iterator[None]:
    """Raise `StoreUnavailable` for every error of the Redis client in the block; its text begins with ``operation``."""
    try:
        yield
    except (RedisError, OSError, TimeoutError) as error:
        text = str(error) or type(error).__name__
        raise StoreUnavailable(f"{operation}: {text}" if operation else text) from error
