"""From a ``[[provider]]`` section and the environment to what a client needs; keys are read here and shown nowhere."""

from __future__ import annotations

from collections.abc import Mapping

from pointsman.contracts.config.providers import (
    FROM_ENVIRONMENT,
    WELL_KNOWN,
    ProviderConfig,
    provider_named,
    with_defaults,
)

__all__ = ["WELL_KNOWN", "ProviderConfig", "Settings", "provider_named", "settings_problems", "with_defaults"]

HIDDEN = "***"
_SHORTEST_SECRET = 4


class Settings:
    """A provider's section with its secrets; what it prints holds none of them.

    Parameters
    ----------
    config : ProviderConfig
        With the defaults of its name filled in.
    environ : mapping
        Where the key and the headers ``env:NAME`` are read from.

    Attributes
    ----------
    config : ProviderConfig
    name : str
    api_key : str or None
    headers : dict
        With their values from the environment.
    environ : mapping
    """

    def __init__(self, config: ProviderConfig, environ: Mapping[str, str]) -> None:
        self.config = config
        self.name = config.name
        self.environ = environ
        self.api_key = (environ.get(config.api_key_env, "").strip() or None) if config.api_key_env else None
        self.headers = {}
        self._secrets: set[str] = set()
        for name, value in config.headers.items():
            if value.startswith(FROM_ENVIRONMENT):
                value = environ.get(value.removeprefix(FROM_ENVIRONMENT), "").strip()  # noqa: PLW2901
                self.hide(value)
            self.headers[name] = value
        self.hide(self.api_key)

    def __repr__(self) -> str:
        """Return the name and whether there is a key."""
        return f"Settings({self.name!r}, api_key={HIDDEN if self.api_key else None!r})"

    def hide(self, secret: str | None) -> None:
        """Have `redacted` take a secret out; a few characters are none."""
        if secret and len(secret) >= _SHORTEST_SECRET:
            self._secrets.add(secret)

    def redacted(self, text: str) -> str:
        """Return a text of a provider's without the secrets that may be in it."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text

    def redacted_bytes(self, data: bytes) -> bytes:
        """Return bytes of a provider's without the secrets that may be in them."""
        for secret in self._secrets:
            data = data.replace(secret.encode(), HIDDEN.encode())
        return data


def settings_problems(settings: Settings) -> list[str]:
    """Return what keeps a provider from being asked: settings and variables that are missing, by name."""
    config = settings.config
    problems = []
    if config.base_url is None and config.kind != "bedrock":
        problems.append(f"provider {config.name!r} has no base_url")
    if config.api_key_env and settings.api_key is None:
        problems.append(f"provider {config.name!r}: the environment variable {config.api_key_env} is not set")
    if settings.api_key is not None and not (settings.api_key.isascii() and settings.api_key.isprintable()):
        problems.append(f"provider {config.name!r}: {config.api_key_env} holds characters that no key has")
    for name, value in config.headers.items():
        if value.startswith(FROM_ENVIRONMENT):
            variable = value.removeprefix(FROM_ENVIRONMENT)
            read = settings.headers[name]
            if not read:
                problems.append(f"provider {config.name!r}: the environment variable {variable} is not set")
            elif not (read.isascii() and read.isprintable()):
                problems.append(f"provider {config.name!r}: {variable} holds characters that no header has")
    return problems
