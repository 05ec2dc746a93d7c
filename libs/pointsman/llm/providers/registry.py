"""The providers of a configuration, and the health of each."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from pointsman.contracts.config.providers import Kind
from pointsman.core.bandit import Arm
from pointsman.llm.providers.anthropic import AnthropicWire
from pointsman.llm.providers.azure_openai import AzureOpenAIWire
from pointsman.llm.providers.base import Dialect
from pointsman.llm.providers.bedrock import BedrockSigner, BedrockWire
from pointsman.llm.providers.config import ProviderConfig, Settings, provider_named, settings_problems
from pointsman.llm.providers.errors import UnknownProvider
from pointsman.llm.providers.health import Health
from pointsman.llm.providers.openai import OpenAIWire
from pointsman.llm.providers.token_count import TokenCounter
from pointsman.llm.providers.upstream import ProviderUpstream
from pointsman.llm.providers.wire import Wire
from pointsman.runtime.http.client import HttpClient

_MOST_UPSTREAMS = 4096


class _Provider:
    """One provider: its settings, its connections, its health."""

    def __init__(self, config: ProviderConfig, environ: Mapping[str, str]) -> None:
        self.settings = Settings(config, environ)
        self.problems = settings_problems(self.settings)
        self.signer = None
        if config.kind == "bedrock":
            self.signer = BedrockSigner(self.settings)
            self.problems += self.signer.problems
        self.client = HttpClient(config.max_connections, config.connect_timeout_ms / 1000.0)
        self.health = Health(self.settings)

    def upstream(self, model: str) -> ProviderUpstream:
        name = self.settings.config.models.get(model, model)
        return ProviderUpstream(self.settings, self.client, self.health, self._wire(name), name)

    def counter(self, model: str) -> TokenCounter:
        return TokenCounter(self.settings, self.client, self.settings.config.models.get(model, model))

    def _wire(self, name: str) -> Wire:
        kind: Kind = self.settings.config.kind or "openai"
        if self.signer is not None:
            return BedrockWire(self.settings, self.signer, name)
        if kind == "anthropic":
            return AnthropicWire(self.settings, name)
        return AzureOpenAIWire(self.settings, name) if kind == "azure-openai" else OpenAIWire(self.settings, name)


class Providers:
    """All providers of a gateway process: one connection pool and one breaker each.

    Parameters
    ----------
    configured : iterable of ProviderConfig
        The ``[[provider]]`` sections; well-known names work without one.
    environ : mapping, optional
        Where keys are read from, when a provider is first used; ``os.environ`` by default.
    """

    def __init__(self, configured: Iterable[ProviderConfig], environ: Mapping[str, str] | None = None) -> None:
        self._configured = tuple(configured)
        self._environ: Mapping[str, str] = os.environ if environ is None else environ
        self._providers: dict[str, _Provider] = {}
        self._upstreams: dict[Arm, ProviderUpstream] = {}
        self._counters: dict[Arm, TokenCounter] = {}

    def upstream(self, arm: Arm, dialect: Dialect = "openai") -> ProviderUpstream:
        """Return the arm at its provider; the same object each time.

        Parameters
        ----------
        arm : Arm
        dialect : Dialect
            What the client speaks, for the error.

        Raises
        ------
        UnknownProvider
            There is no provider of that name, or something is missing in its configuration or the environment.
        """
        known = self._upstreams.get(arm)
        if known is not None:
            return known
        problems = self.problems(arm.provider)
        if problems:
            raise UnknownProvider("; ".join(problems), dialect=dialect)
        provider = self._provider(arm.provider)
        upstream = provider.upstream(arm.model)
        if len(self._upstreams) < _MOST_UPSTREAMS:  # names come from clients too
            self._upstreams[arm] = upstream
        return upstream

    def token_counter(self, arm: Arm) -> TokenCounter | None:
        """Return what counts a request's tokens as the arm does; None where its provider cannot be asked that."""
        known = self._counters.get(arm)
        if known is not None:
            return known
        if self.problems(arm.provider):
            return None
        provider = self._provider(arm.provider)
        if provider.settings.config.kind != "anthropic":
            return None
        counter = provider.counter(arm.model)
        if len(self._counters) < _MOST_UPSTREAMS:
            self._counters[arm] = counter
        return counter

    def problems(self, name: str) -> list[str]:
        """Return what keeps the provider of a name from being asked; empty when nothing does."""
        try:
            return list(self._provider(name).problems)
        except UnknownProvider as error:
            return [error.text]

    def available(self, arm: Arm) -> bool:
        """Tell whether the arm's provider would be asked now: known, complete, and let through by its breaker."""
        try:
            provider = self._provider(arm.provider)
        except UnknownProvider:
            return False
        return not provider.problems and provider.health.well

    def _provider(self, name: str) -> _Provider:
        provider = self._providers.get(name)
        if provider is None:
            config = provider_named(self._configured, name)
            if config is None:
                raise UnknownProvider(f"provider {name!r} is not configured: there is no [[provider]] of that name")
            provider = self._providers[name] = _Provider(config, self._environ)
        return provider

    async def close(self) -> None:
        """Close all connections."""
        for provider in self._providers.values():
            await provider.client.close()
