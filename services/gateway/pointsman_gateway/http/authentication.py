"""Who may do what: API keys, their scopes and their rate limits."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import monotonic

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope

from pointsman.contracts.access import KeyFileError, Keyring, StoredKey, read_keys
from pointsman.contracts.access import Scope as Permission
from pointsman.contracts.config import Config, ConfigError, exposure_problems, keys_required
from pointsman.runtime.telemetry.logs import logger
from pointsman_gateway.http.problems import ProblemError
from pointsman_gateway.http.rate_limit import RateLimits, client_network
from pointsman_gateway.http.response import HotHandler, HttpResponse, StreamedResponse

log = logger("gateway.access")

LOOK_S = 0.5
"""How often the file of keys is looked at."""

ANONYMOUS = "anonymous"
_KEY_OF_REQUEST = "pointsman.api_key"

Endpoint = Callable[[Request], Awaitable[Response]]


class Authenticator:
    """Checks each request before anything of its body is read.

    Whether keys are needed is settled at the start: a file of keys that is emptied locks everybody out, and lets
    nobody in.

    Parameters
    ----------
    config : Config

    Raises
    ------
    ConfigError
        When everyone could reach the gateway and that is not said to be meant, or a key cannot be used.
    """

    def __init__(self, config: Config) -> None:
        self.required = keys_required(config)
        self._configured = config.api_key
        self._file = Path(config.gateway.keys_file) if config.gateway.keys_file else None
        self._anonymous_per_s = config.gateway.anonymous_rate_limit_per_s
        self._limits = RateLimits()
        self._signature = self._sign()
        keys, problems = self._read()
        problems += exposure_problems(config)
        if problems:
            raise ConfigError(problems)
        self._ring = Keyring(keys)

    def hot(self, permission: Permission, endpoint: HotHandler) -> HotHandler:
        """Return the hot endpoint behind the check; the endpoint itself where there is nothing to check."""
        if not self.required and not self._anonymous_per_s:
            return endpoint

        async def checked(scope: Scope, receive: Receive) -> HttpResponse | StreamedResponse:
            self.check(scope, permission)
            return await endpoint(scope, receive)

        return checked

    def route(self, permission: Permission, endpoint: Endpoint) -> Endpoint:
        """Return the endpoint of the framework behind the check."""

        async def checked(request: Request) -> Response:
            self.check(request.scope, permission)
            return await endpoint(request)

        return checked

    def check(self, scope: Scope, permission: Permission) -> None:
        """Return if the request may go on.

        Raises
        ------
        ProblemError
            401 without a key that is in force, 403 when it lacks the permission, 429 when it comes too often.
        """
        if self.required:
            presented = presented_key(scope)
            key = self._ring.find(presented) if presented else None
            if key is None:
                raise _unauthorized()
            if permission not in key.scopes:
                raise _forbidden(permission)
            scope[_KEY_OF_REQUEST] = key
            if key.rate_limit_per_s:
                self._limit(key.id, key.rate_limit_per_s)
        elif self._anonymous_per_s:
            client = scope.get("client")
            self._limit(client_network(client[0]) if client else "", self._anonymous_per_s)

    def is_key_valid(self, scope: Scope) -> bool:
        """Tell whether the key of a request that goes on and on is still in force."""
        key = caller_key(scope)
        return key is None or self._ring.holds(key)

    async def watch(self) -> None:
        """Read the file of keys again whenever it changes, for ever."""
        if self.required and not len(self._ring):
            log.warning("there is no API key yet, so every request is refused; `pointsman keys create` makes one")
        while self._file is not None:
            await asyncio.sleep(LOOK_S)
            found = await asyncio.to_thread(self._sign)
            if found != self._signature:
                self._signature = found
                keys, problems = await asyncio.to_thread(self._read)
                for problem in problems:
                    log.error("an API key is not in force: %s", problem)
                self._ring = Keyring(keys)
                log.info("%s was read again: %d API keys are in force", self._file, len(self._ring))
        await asyncio.Event().wait()

    def _read(self) -> tuple[list[StoredKey], list[str]]:
        """Return all keys that can be used, and what is wrong with the others."""
        if self._file is None:
            return list(self._configured), []
        try:
            keys, problems = read_keys(self._file)
        except KeyFileError as error:
            return list(self._configured), [f"gateway.keys_file: {error}"]
        configured = {key.id for key in self._configured}
        problems += [f"{self._file}: {key.id}: is in the configuration too" for key in keys if key.id in configured]
        return [*self._configured, *[key for key in keys if key.id not in configured]], problems

    def _sign(self) -> tuple[int, ...]:
        """Return what changes with the file."""
        if self._file is None:
            return ()
        try:
            found = os.stat(self._file)  # noqa: PTH116  # one system call, twice a second
        except OSError:
            return ()
        return found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode

    def _limit(self, who: str, rate_per_s: float) -> None:
        wait_s = self._limits.take(who, rate_per_s, monotonic())
        if wait_s:
            raise ProblemError(
                429,
                f"more than {rate_per_s:g} requests a second; try again after Retry-After seconds",
                headers=(("retry-after", str(math.ceil(wait_s))),),
            )


def caller_name(scope: Scope) -> str:
    """Return the name of the key of a request that was let in; ``anonymous`` where none is needed."""
    key: StoredKey | None = scope.get(_KEY_OF_REQUEST)
    return ANONYMOUS if key is None else key.name


def caller_key(scope: Scope) -> StoredKey | None:
    """Return the key that a checked request came with; None where none is required."""
    key: StoredKey | None = scope.get(_KEY_OF_REQUEST)
    return key


def presented_key(scope: Scope) -> bytes | None:
    """Return the key in ``Authorization: Bearer`` or else ``x-api-key``, as it was sent."""
    other: bytes | None = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            if value[:7].lower() == b"bearer ":
                return bytes(value[7:].strip())
        elif name == b"x-api-key":
            other = value
    return other


def _unauthorized() -> ProblemError:
    """Return the same answer whatever is wrong with the key, so that it tells nothing about the keys there are."""
    return ProblemError(
        401,
        "expected an API key that is in force, as Authorization: Bearer or x-api-key",
        headers=(("www-authenticate", 'Bearer realm="pointsman"'),),
    )


def _forbidden(permission: Permission) -> ProblemError:
    challenge = f'Bearer realm="pointsman", error="insufficient_scope", scope="{permission}"'
    return ProblemError(
        403, f"this API key does not have the scope {permission}", headers=(("www-authenticate", challenge),)
    )
