"""The configuration that ``pointsman init`` writes: providers, and tiers with their arms."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from pointsman.contracts.config.providers import PROVIDER_KINDS, WELL_KNOWN, ProviderConfig, with_defaults

SIMPLE, COMPLEX = "SIMPLE", "COMPLEX"
AUTO_BOUND = 0.3
"""The score of ``auto`` from which on a request is COMPLEX; docs/reference/features.md has what requests score."""
_HIGHEST_BOUND = 0.6
MOCK = "mock"
MOCK_ADDRESS = "http://127.0.0.1:9100/v1"
"""The address of ``pointsman mock-provider``, for a first configuration without keys and model servers."""
_NEEDS_ADDRESS = tuple(
    name
    for name, known in WELL_KNOWN.items()
    if known.base_url is None and PROVIDER_KINDS[known.kind or "openai"].needs_base_url
)


class SuggestedModels(NamedTuple):
    """Models of a provider for easy and for demanding requests, under the provider's names."""

    simple: tuple[str, ...] = ()
    complex: tuple[str, ...] = ()


SUGGESTED = {
    "openai": SuggestedModels(("gpt-4o-mini",), ("gpt-5",)),
    "anthropic": SuggestedModels(("claude-haiku-4-5",), ("claude-sonnet-4-5",)),
    "openrouter": SuggestedModels(("meta-llama/llama-3.1-8b-instruct",), ("anthropic/claude-sonnet-4.5",)),
    "bedrock": SuggestedModels(("amazon.nova-lite-v1:0",), ("amazon.nova-pro-v1:0",)),
    MOCK: SuggestedModels(("small", "large"), ("large", "small")),
    "databricks": SuggestedModels(
        ("databricks-meta-llama-3-1-8b-instruct",), ("databricks-meta-llama-3-3-70b-instruct",)
    ),
}
"""By hosted provider. Azure's deployments have custom names; local servers list their models."""


class InitPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration to write.

    Attributes
    ----------
    providers: Sections; for a well-known name only the settings that differ.
    tiers: Arms by tier, the tier for the easiest requests first.
    port: Port of the gateway.
    """

    providers: tuple[ProviderConfig, ...]
    tiers: dict[str, list[str]]
    port: int = 8080

    @property
    def bounds(self) -> list[tuple[str, float | None]]:
        """The tiers of ``auto``, each with the upper bound of its score; None for the last."""
        names = list(self.tiers)
        if len(names) == 2:
            return [(names[0], AUTO_BOUND), (names[1], None)]
        step = _HIGHEST_BOUND / len(names)
        return [(name, round(step * at, 2)) for at, name in enumerate(names[:-1], start=1)] + [(names[-1], None)]


class ChosenProvider(NamedTuple):
    """A chosen provider."""

    name: str
    base_url: str | None = None
    api_key_env: str | None = None

    @property
    def needs_address(self) -> bool:
        """Whether its base URL is unknown."""
        unknown = self.name in _NEEDS_ADDRESS or self.name not in (*WELL_KNOWN, MOCK)
        return self.base_url is None and unknown

    def section(self) -> ProviderConfig:
        """Return its section of the configuration."""
        base_url = MOCK_ADDRESS if self.name == MOCK and self.base_url is None else self.base_url
        return ProviderConfig(name=self.name, base_url=base_url, api_key_env=self.api_key_env)


def make_plan(choices: Sequence[ChosenProvider], tiers: Mapping[str, Sequence[str]]) -> InitPlan:
    """Return the plan. The gateway gets another port if llama.cpp uses port 8080."""
    port_in_use = any(choice.name == "llamacpp" and choice.base_url is None for choice in choices)
    return InitPlan(
        providers=tuple(choice.section() for choice in choices),
        tiers={name: list(dict.fromkeys(arms)) for name, arms in tiers.items()},
        port=8088 if port_in_use else 8080,
    )


def suggested_tiers(names: Iterable[str], local: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return SIMPLE and COMPLEX with the suggested models of the chosen providers; empty lists where none are known.

    Parameters
    ----------
    names : iterable of str
        Providers in order; the first arm of a tier serves when no policy can choose.
    local : mapping of str to sequence of str
        Models of the local servers, smallest first.

    Notes
    -----
    Of a local server the two smallest models serve easy requests; the largest serves demanding ones, unless a hosted
    provider can. A tier with one arm also gets the first arm of the other tier: with one arm there is nothing to learn.
    """
    tiers: dict[str, list[str]] = {SIMPLE: [], COMPLEX: []}
    models = {
        name: SuggestedModels(tuple(local[name][:2]), tuple(local[name][-1:]))
        if name in local
        else SUGGESTED.get(name, SuggestedModels())
        for name in names
    }
    hosted = any(suggested.complex for name, suggested in models.items() if name not in local)
    for name, suggested in models.items():
        tiers[SIMPLE] += [f"{name}:{model}" for model in suggested.simple]
        if not (hosted and name in local):
            tiers[COMPLEX] += [f"{name}:{model}" for model in suggested.complex]
    alone = [name for name, arms in tiers.items() if len(arms) == 1]
    first = {name: arms[:1] for name, arms in tiers.items()}
    for name in alone:
        other = COMPLEX if name == SIMPLE else SIMPLE
        tiers[name] = list(dict.fromkeys([*tiers[name], *first[other]]))
    return tiers


def unset_variables(plan: InitPlan, environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return each provider whose key is not in the environment, and the name of its variable."""
    wanted = [(section.name, with_defaults(section).api_key_env) for section in plan.providers]
    return [(name, variable) for name, variable in wanted if variable and not environ.get(variable, "").strip()]


def ready_providers(local: Mapping[str, Sequence[str]], environ: Mapping[str, str]) -> list[str]:
    """Return the providers that are ready: local ones that have models, hosted ones whose key is set."""
    found = [name for name, models in local.items() if models]
    for name, known in WELL_KNOWN.items():
        if known.base_url and known.api_key_env and environ.get(known.api_key_env, "").strip():
            found.append(name)
    return found
