"""The connection to Redis or Valkey, and the scripts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError

from pointsman.contracts.config.connections import RedisConfig
from pointsman.runtime.store.connection import PlainConnection, TlsConnection
from pointsman.runtime.store.errors import store_errors
from pointsman.runtime.store.script import Script

MAX_CONNECTIONS = 8


class Store:
    """A client with a timeout on every command and without silent retries.

    Commands go through ``redis``, within `store_errors`; scripts through `run`.

    ``server``: address and credentials, or only a URL.
    ``timeout_ms``: timeout of connecting and of each command, instead of the configured one.
    """

    def __init__(self, server: RedisConfig | str, timeout_ms: int | None = None) -> None:
        config = RedisConfig(url=server) if isinstance(server, str) else server
        timeout_s = (config.timeout_ms if timeout_ms is None else timeout_ms) / 1000.0
        pool = BlockingConnectionPool.from_url(
            config.url,
            max_connections=MAX_CONNECTIONS,
            timeout=timeout_s,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            protocol=2,
            retry=Retry(NoBackoff(), 0),
            retry_on_error=[],
            driver_info=None,  # it would need permission for one more command
            **_login_options(config),
        )
        pool.connection_class = TlsConnection if config.tls else PlainConnection  # from_url sets its own
        self.redis: Redis = Redis(connection_pool=pool)

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[Any]) -> Any:
        """Run a script; load it first if the server does not have it.

        Raise `StoreUnavailable` when the store cannot be reached or refuses. The script may or may not have run.
        """
        evaluate = self.redis.evalsha_ro if script.read_only else self.redis.evalsha
        with store_errors(script.name):
            try:
                return await evaluate(script.sha, len(keys), *keys, *args)
            except NoScriptError:
                await self.redis.script_load(script.text)
                return await evaluate(script.sha, len(keys), *keys, *args)

    async def ping(self) -> None:
        """Raise `StoreUnavailable` unless the store responds."""
        with store_errors():
            await self.redis.ping()

    async def close(self) -> None:
        """Close all connections."""
        await self.redis.aclose()
        await self.redis.connection_pool.aclose()


def _login_options(config: RedisConfig) -> dict[str, Any]:
    """Return the options of a connection for credentials and certificates."""
    options: dict[str, Any] = {}
    if config.password is not None:
        options |= {"username": config.user, "password": config.password}
    if config.tls:
        options |= {
            "ssl_cert_reqs": "required",
            "ssl_check_hostname": True,
            "ssl_ca_certs": config.ca_file,
            "ssl_certfile": config.cert_file,
            "ssl_keyfile": config.key_file,
        }
    return options
