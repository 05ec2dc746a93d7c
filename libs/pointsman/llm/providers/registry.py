"""Registry of providers: from an arm to its `Upstream`; each provider has one connection pool and its health."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from time import monotonic

from pointsman.contracts.config.providers import LOCAL_HOST, ProviderConfig, provider_named
from pointsman.core.bandit import Arm
from pointsman.llm.providers.efforts.effort import EffortNotAvailable
from pointsman.llm.providers.failure import ProviderError, UnknownProvider
from pointsman.llm.providers.health import ProviderHealth, Suspension
from pointsman.llm.providers.kinds import IMPLEMENTATIONS, model_of_arm
from pointsman.llm.providers.settings import ProviderSettings, settings_problems
from pointsman.llm.providers.upstream import Upstream
from pointsman.llm.request import ChatRequest, Dialect
from pointsman.runtime.http.client import HttpClient

MAX_UPSTREAMS = 4096
"""Most models that are remembered: clients may name any."""


class _Provider:
    """One provider: its settings, its connections, its health."""

    def __init__(self, config: ProviderConfig, environ: Mapping[str, str]) -> None:
        self.settings = ProviderSettings(config, environ)
        implementation = IMPLEMENTATIONS[config.kind or "openai"]
        self.problems = settings_problems(self.settings) + implementation.problems(self.settings)
        self.client = HttpClient(
            config.max_connections, config.connect_timeout_ms / 1000.0, config.queue_timeout_ms / 1000.0
        )
        self.health = self._new_health()
        self._wire = implementation.wires(self.settings)
        self._token_count = implementation.token_count

    def upstream(self, model: str) -> Upstream:
        name, effort = model_of_arm(self.settings.config, model)
        wire = self._wire(name)
        wire.effort = effort
        return Upstream(self.settings, self.client, self.health.model(model), wire, name)

    def token_counter(self, model: str) -> Upstream | None:
        if self._token_count is None:
            return None
        name, _ = model_of_arm(self.settings.config, model)
        # With a health of its own: whether a provider counts tokens does not show whether it answers.
        wire = self._token_count(self.settings, name)
        return Upstream(self.settings, self.client, self._new_health().model(model), wire, name)

    def effort_problem(self, model: str) -> str | None:
        """Return why the effort of an arm's model cannot be sent; None when it can, and for a model without one."""
        if "@" in model:  # this is asked for every candidate of every request
            try:
                model_of_arm(self.settings.config, model)
            except EffortNotAvailable as error:
                return str(error)
        return None

    def _new_health(self) -> ProviderHealth:
        config = self.settings.config
        return ProviderHealth(config.name, config.breaker_pause_ms / 1000.0, config.breaker_failures)


class Providers:
    """All providers of a process: those of the ``[[provider]]`` sections, and the well-known ones.

    ``environ`` is the source of the keys, read when a provider is first used; ``os.environ`` by default. ``local_host``
    is the host of the well-known local servers.
    """

    def __init__(
        self,
        configured: Iterable[ProviderConfig],
        environ: Mapping[str, str] | None = None,
        local_host: str = LOCAL_HOST,
    ) -> None:
        self._local_host = local_host
        self._configured = tuple(configured)
        self._environ: Mapping[str, str] = os.environ if environ is None else environ
        self._providers: dict[str, _Provider] = {}
        self._upstreams: dict[Arm, Upstream] = {}
        self._counters: dict[Arm, Upstream | None] = {}

    def upstream(self, arm: Arm, dialect: Dialect = "openai") -> Upstream:
        """Return the model of an arm; ``dialect`` is the client's, for the error.

        `UnknownProvider` is raised when the provider, one of its settings or an environment variable is missing.
        """
        known = self._upstreams.get(arm)
        if known is not None:
            return known
        problems = self.arm_problems(arm)
        if problems:
            raise UnknownProvider("; ".join(problems), dialect=dialect)
        upstream = self._provider(arm.provider).upstream(arm.model)
        if len(self._upstreams) < MAX_UPSTREAMS:
            self._upstreams[arm] = upstream
        return upstream

    def token_counter(self, arm: Arm) -> Upstream | None:
        """Return the upstream that counts a request's tokens; None where the arm's provider cannot."""
        if arm in self._counters:
            return self._counters[arm]
        if self.arm_problems(arm):
            return None
        counter = self._provider(arm.provider).token_counter(arm.model)
        if len(self._counters) < MAX_UPSTREAMS:
            self._counters[arm] = counter
        return counter

    def problems(self, name: str) -> list[str]:
        """Return why the provider of a name cannot be called; empty when it can."""
        try:
            return list(self._provider(name).problems)
        except UnknownProvider as error:
            return [error.text]

    def arm_problems(self, arm: Arm) -> list[str]:
        """Return why an arm cannot be called: its provider cannot, or has no such effort; empty when it can."""
        problems = self.problems(arm.provider)
        if not problems and (problem := self.effort_problem(arm)) is not None:
            problems.append(f"arm '{arm}': {problem}")
        return problems

    def effort_problem(self, arm: Arm) -> str | None:
        """Return why the effort of an arm of a known provider cannot be sent; None when it can, and without one."""
        return self._provider(arm.provider).effort_problem(arm.model)

    def available(self, arm: Arm) -> bool:
        """Return whether an arm can be called now: it has no problems, and is not suspended."""
        try:
            provider = self._provider(arm.provider)
        except UnknownProvider:
            return False
        if provider.problems or provider.health.model(arm.model).suspension(monotonic()) is not None:
            return False
        return provider.effort_problem(arm.model) is None

    def candidates(self, arms: tuple[Arm, ...], request: ChatRequest) -> tuple[Arm, ...]:
        """Return the arms that can be called now and, as far as is known, serve a request.

        Where there are none, those that can be called; where there are none either, all.
        """
        available = tuple(arm for arm in arms if self.available(arm)) or arms
        rejects: dict[object, bool] = {}  # by form, because a translation takes time
        return tuple(arm for arm in available if self._can_serve(arm, request, rejects)) or available

    def _can_serve(self, arm: Arm, request: ChatRequest, rejects: dict[object, bool]) -> bool:
        try:
            upstream = self.upstream(arm)
        except UnknownProvider:
            return False
        if upstream.refusals.excludes(request) is not None:
            return False
        if upstream.passes(request):
            return True
        form = upstream.form
        if form not in rejects:
            rejects[form] = upstream.rejection(request) is not None
        return not rejects[form]

    def refused(self, arm: Arm, error: ProviderError, request: ChatRequest) -> bool:
        """Remember why an arm refused a request that another one has answered; return whether that is known."""
        upstream = self._upstreams.get(arm)
        return upstream is not None and upstream.refusals.refused(error, request)

    def refuses(self, arm: Arm) -> list[str]:
        """Return the features that an arm is known to refuse."""
        upstream = self._upstreams.get(arm)
        return upstream.refusals.names() if upstream is not None else []

    def suspended(self) -> list[Suspension]:
        """Return the providers and models that are not called for a while after several failures in a row."""
        now_s = monotonic()
        return [found for provider in self._providers.values() for found in provider.health.suspensions(now_s)]

    def _provider(self, name: str) -> _Provider:
        provider = self._providers.get(name)
        if provider is None:
            config = provider_named(self._configured, name, self._local_host)
            if config is None:
                raise UnknownProvider(f"provider {name!r} is not configured: there is no [[provider]] of that name")
            provider = self._providers[name] = _Provider(config, self._environ)
        return provider

    async def close(self) -> None:
        """Close all connections."""
        for provider in self._providers.values():
            await provider.client.close()
