"""The client of Redis or Valkey: commands, and Lua scripts, which the store runs atomically."""

import asyncio
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import msgspec
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError

from pointsman.contracts.config.connections import RedisConfig
from pointsman.runtime.peer import check_peer
from pointsman.runtime.store.errors import store_errors

MAX_CONNECTIONS = 8


class Script:
    """A Lua script from the folder ``scripts/`` of a package.

    ``name`` is the file name without ``.lua``. A read-only script runs with ``EVALSHA_RO``, so that a user without
    write permission can run it.
    """

    def __init__(self, package: str, name: str, *, read_only: bool = False) -> None:
        self.name = name
        self.read_only = read_only
        self.text = (files(package) / "scripts" / f"{name}.lua").read_text(encoding="utf-8")
        self.sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


def lua_string(data: bytes) -> msgspec.Raw:
    """Return binary data for a msgpack argument of a script, as a string: Lua's ``cmsgpack`` has no binary type."""
    return msgspec.Raw(b"\xdb" + len(data).to_bytes(4, "big") + data)


class _Cancellable(AbstractConnection):
    """Raise a cancellation that arrives just after a command was sent.

    With a timeout, `redis-py` sends within `asyncio.wait_for`. Before Python 3.12 this loses a cancellation that comes
    in the turn of the event loop after the sending (python/cpython#86296): the task goes on, possibly in an endless
    loop, and the task that cancelled it waits for its end as long.
    """

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        """Send a command; raise `asyncio.CancelledError` if the task was cancelled meanwhile."""
        task = asyncio.current_task()
        cancelled_before = task.cancelling() if task else 0
        try:
            await super().send_packed_command(command, check_health)
        finally:
            if task and task.cancelling() > cancelled_before:
                await self.disconnect(nowait=True)  # the response to the command must not be read by another task
                raise asyncio.CancelledError


class _PlainConnection(_Cancellable, Connection):
    """A connection without TLS. With ``supervisor_pid``, only to a child process of the supervisor."""

    def __init__(self, *, supervisor_pid: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._supervisor = supervisor_pid

    async def _connect(self) -> None:
        await super()._connect()  # type: ignore[no-untyped-call]  # redis-py has no type for it
        assert self._writer is not None
        try:
            await check_peer(self._writer, self._supervisor)
        except BaseException:  # else the pool would take it for connected, although it never logged in
            await self.disconnect(nowait=True)
            raise


class _TlsConnection(_Cancellable, SSLConnection):
    """A connection with TLS."""


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
        pool.connection_class = _TlsConnection if config.tls else _PlainConnection  # from_url sets its own
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
    if config.supervisor_pid is not None and not config.tls:
        options["supervisor_pid"] = config.supervisor_pid
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
