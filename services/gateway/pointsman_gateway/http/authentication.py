"""API-key authentication, scopes and rate limits of HTTP requests."""

import asyncio
import math
import os
from pathlib import Path
from time import monotonic

from starlette.types import Scope as RequestScope

from pointsman.contracts.access.key_file import KeyFileError, read_keys
from pointsman.contracts.access.keys import Keyring, StoredKey
from pointsman.contracts.access.keys import Scope as AccessScope
from pointsman.contracts.config import Config, ConfigError, exposure_problems, keys_required
from pointsman.runtime.telemetry.logs import logger
from pointsman_gateway.http.problems import ProblemError
from pointsman_gateway.http.rate_limit import RateLimits, client_network

log = logger("gateway.access")

POLL_INTERVAL_S = 0.5
"""How often the key file is checked for changes."""

ANONYMOUS = "anonymous"
_REQUEST_KEY = "pointsman.api_key"


class Authenticator:
    """Checks the API key of each request before any of its body is read.

    Whether keys are required is decided at the start: when the key file is emptied later, every request is refused.
    The constructor raises `ConfigError` when the gateway would be open to everyone without ``allow_anonymous``, or a
    key is invalid.
    """

    def __init__(self, config: Config) -> None:
        self.required = keys_required(config)
        self._configured = config.api_key
        self._file = Path(config.gateway.keys_file) if config.gateway.keys_file else None
        self._anonymous_per_s = config.gateway.anonymous_rate_limit_per_s
        self._limits = RateLimits()
        self._signature = self._file_signature()
        keys, problems = self._read()
        problems += exposure_problems(config)
        if problems:
            raise ConfigError(problems)
        self._ring = Keyring(keys)

    @property
    def checks_requests(self) -> bool:
        """Whether requests need a key or have a rate limit."""
        return self.required or self._anonymous_per_s > 0

    def check(self, scope: RequestScope, required: AccessScope) -> None:
        """Return if the request is allowed.

        Otherwise raise a 401 without a valid key, 403 when the key lacks the scope, 429 above the key's rate limit.
        """
        if self.required:
            presented = presented_key(scope)
            key = self._ring.find(presented) if presented else None
            if key is None:
                raise _unauthorized()
            if required not in key.scopes:
                challenge = f'Bearer realm="pointsman", error="insufficient_scope", scope="{required}"'
                headers = (("www-authenticate", challenge),)
                raise ProblemError(403, f"this API key does not have the scope {required}", headers=headers)
            scope[_REQUEST_KEY] = key
            if key.rate_limit_per_s:
                self._limit(key.id, key.rate_limit_per_s)
        elif self._anonymous_per_s:
            client = scope.get("client")
            self._limit(client_network(client[0]) if client else "", self._anonymous_per_s)

    def is_key_valid(self, scope: RequestScope) -> bool:
        """Return whether the key of a long request is still valid."""
        key = caller_key(scope)
        return key is None or self._ring.holds(key)

    async def watch(self) -> None:
        """Read the key file again whenever it changes; never returns."""
        if self.required and not len(self._ring):
            log.warning("no API key exists, so every request is refused; create one with `pointsman keys create`")
        while self._file is not None:
            await asyncio.sleep(POLL_INTERVAL_S)
            signature = await asyncio.to_thread(self._file_signature)
            if signature != self._signature:
                self._signature = signature
                keys, problems = await asyncio.to_thread(self._read)
                for problem in problems:
                    log.error("an API key is ignored: %s", problem)
                self._ring = Keyring(keys)
                log.info("%s was read again: %d API keys are valid", self._file, len(self._ring))
        await asyncio.Event().wait()

    def _read(self) -> tuple[list[StoredKey], list[str]]:
        """Return the valid keys, and the problems of the others."""
        if self._file is None:
            return list(self._configured), []
        try:
            keys, problems = read_keys(self._file)
        except KeyFileError as error:
            return list(self._configured), [f"gateway.keys_file: {error}"]
        configured = {key.id for key in self._configured}
        problems += [
            f"{self._file}: {key.id}: the configuration has this key id too" for key in keys if key.id in configured
        ]
        return [*self._configured, *[key for key in keys if key.id not in configured]], problems

    def _file_signature(self) -> tuple[int, ...]:
        """Return values that change whenever the key file changes."""
        if self._file is None:
            return ()
        try:
            status = os.stat(self._file)  # noqa: PTH116  # one system call, twice a second
        except OSError:
            return ()
        return status.st_mtime_ns, status.st_size, status.st_ino, status.st_mode

    def _limit(self, caller: str, rate_per_s: float) -> None:
        wait_s = self._limits.acquire(caller, rate_per_s, monotonic())
        if wait_s:
            raise ProblemError(
                429,
                f"more than {rate_per_s:g} requests per second; try again after Retry-After seconds",
                headers=(("retry-after", str(math.ceil(wait_s))),),
            )


def caller_name(scope: RequestScope) -> str:
    """Return the name of the request's key; ``anonymous`` when no key is required."""
    key = caller_key(scope)
    return ANONYMOUS if key is None else key.name


def caller_key(scope: RequestScope) -> StoredKey | None:
    """Return the key of a checked request; None when no key is required."""
    key: StoredKey | None = scope.get(_REQUEST_KEY)
    return key


def presented_key(scope: RequestScope) -> bytes | None:
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
    """Return the same error for every invalid key, so that it reveals nothing about the keys that exist."""
    return ProblemError(
        401,
        "expected a valid API key in Authorization: Bearer or x-api-key",
        headers=(("www-authenticate", 'Bearer realm="pointsman"'),),
    )
