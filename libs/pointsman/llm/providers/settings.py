"""Settings of a provider: its ``[[provider]]`` section with the secrets that the environment has for it."""

from __future__ import annotations

from collections.abc import Mapping

from pointsman.contracts.config.providers import FROM_ENVIRONMENT, PROVIDER_KINDS, ProviderConfig

REDACTED = "***"
_MIN_SECRET_CHARS = 4


class ProviderSettings:
    """A provider's section, the defaults of its name and kind applied, with its secrets; ``repr`` shows none of them.

    ``environ`` is the source of the key and of header values ``env:NAME``.
    """

    def __init__(self, config: ProviderConfig, environ: Mapping[str, str]) -> None:
        self.config = config
        self.kind = PROVIDER_KINDS[config.kind or "openai"]
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
        return f"ProviderSettings({self.name!r}, api_key={REDACTED if self.api_key else None!r})"

    def hide(self, secret: str | None) -> None:
        """Make `redacted` remove a secret; shorter texts than `_MIN_SECRET_CHARS` are not secrets."""
        if secret and len(secret) >= _MIN_SECRET_CHARS:
            self._secrets.add(secret)

    def redacted(self, text: str) -> str:
        """Return a provider's text without secrets."""
        for secret in self._secrets:
            text = text.replace(secret, REDACTED)
        return text

    def redacted_bytes(self, data: bytes) -> bytes:
        """Return a provider's bytes without secrets."""
        for secret in self._secrets:
            data = data.replace(secret.encode(), REDACTED.encode())
        return data


def settings_problems(settings: ProviderSettings) -> list[str]:
    """Return why a provider cannot be called: missing settings and environment variables, by name."""
    config = settings.config
    problems = []
    if config.base_url is None and settings.kind.needs_base_url:
        problems.append(f"provider {config.name!r} has no base_url")
    if config.api_key_env and settings.api_key is None:
        problems.append(f"provider {config.name!r}: the environment variable {config.api_key_env} is not set")
    if settings.api_key is not None and not (settings.api_key.isascii() and settings.api_key.isprintable()):
        problems.append(f"provider {config.name!r}: {config.api_key_env} has characters that are not allowed in a key")
    for name, value in config.headers.items():
        if value.startswith(FROM_ENVIRONMENT):
            variable = value.removeprefix(FROM_ENVIRONMENT)
            resolved = settings.headers[name]
            if not resolved:
                problems.append(f"provider {config.name!r}: the environment variable {variable} is not set")
            elif not (resolved.isascii() and resolved.isprintable()):
                problems.append(f"provider {config.name!r}: {variable} has characters that are not allowed in a header")
    return problems
