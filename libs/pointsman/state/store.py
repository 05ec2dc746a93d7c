"""The connection to Redis or Valkey, and the scripts."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError

from pointsman.state.errors import StoreUnavailable

SCRIPTS = ("commit_outcomes", "commit_shadow", "drop_lease", "fence_tier", "hold_lease", "read_changes")
MAX_CONNECTIONS = 8


class Store:
    """A client with a bound on every command, no silent retries, and the scripts by name.

    Parameters
    ----------
    url : str
    timeout_ms : int
        Bound on connecting and on each command.
    """

    def __init__(self, url: str, timeout_ms: int = 2000) -> None:
        timeout_s = timeout_ms / 1000.0
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=MAX_CONNECTIONS,
            timeout=timeout_s,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            protocol=2,
            retry=Retry(NoBackoff(), 0),
            retry_on_error=[],
        )
        self.redis: Redis = Redis(connection_pool=pool)
        folder = files("pointsman.state") / "scripts"
        self._scripts: dict[str, AsyncScript] = {
            name: self.redis.register_script((folder / f"{name}.lua").read_text(encoding="utf-8")) for name in SCRIPTS
        }

    async def run(self, script: str, keys: Sequence[str], args: Sequence[Any]) -> Any:
        """Run a script of ``scripts/``; load it first where the server does not have it.

        Raises
        ------
        StoreUnavailable
            When the store cannot be reached or refuses. The script may or may not have run.
        """
        try:
            return await self._scripts[script](keys=list(keys), args=list(args))
        except (RedisError, OSError, TimeoutError) as error:
            raise StoreUnavailable(f"{script}: {error or type(error).__name__}") from error

    async def ping(self) -> None:
        """Raise `StoreUnavailable` unless the store answers."""
        try:
            await self.redis.ping()
        except (RedisError, OSError, TimeoutError) as error:
            raise StoreUnavailable(str(error) or type(error).__name__) from error

    async def close(self) -> None:
        """Close all connections."""
        await self.redis.aclose()
        await self.redis.connection_pool.aclose()
