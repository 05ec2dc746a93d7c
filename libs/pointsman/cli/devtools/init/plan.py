"""What ``pointsman init`` is going to write: providers, and the tiers with their arms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from pointsman.cli.devtools.init.offers import OFFERS, Offer, offer_of_local
from pointsman.contracts.config.providers import PROVIDER_KINDS, WELL_KNOWN, ProviderConfig, with_defaults

SIMPLE, COMPLEX = "SIMPLE", "COMPLEX"
AUTO_BOUND = 0.3
"""The score of ``auto`` from which on a request is COMPLEX; docs/reference/features.md has what requests score."""
_HIGHEST_BOUND = 0.6
_NEEDS_ADDRESS = tuple(
    name
    for name, known in WELL_KNOWN.items()
    if known.base_url is None and PROVIDER_KINDS[known.kind or "openai"].needs_base_url
)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration in the making.

    Attributes
    ----------
    providers : tuple of ProviderConfig
        Sections; of a well-known name with no more than what differs.
    tiers : dict of str to list of str
        Arms by tier, the least demanding first.
    port : int
        The gateway's.
    """

    providers: tuple[ProviderConfig, ...]
    tiers: dict[str, list[str]]
    port: int = 8080

    @property
    def bounds(self) -> list[tuple[str, float | None]]:
        """The tiers of ``auto``, each with the score its requests stay below; None for the last."""
        names = list(self.tiers)
        if len(names) == 2:
            return [(names[0], AUTO_BOUND), (names[1], None)]
        step = _HIGHEST_BOUND / len(names)
        return [(name, round(step * at, 2)) for at, name in enumerate(names[:-1], start=1)] + [(names[-1], None)]


class Choice(NamedTuple):
    """What was chosen of a provider, before it is a section."""

    name: str
    base_url: str | None = None
    api_key_env: str | None = None

    @property
    def needs_address(self) -> bool:
        """Whether nobody knows where it is."""
        return self.base_url is None and (self.name in _NEEDS_ADDRESS or self.name not in WELL_KNOWN)

    def section(self) -> ProviderConfig:
        """Return it as its section."""
        return ProviderConfig(name=self.name, base_url=self.base_url, api_key_env=self.api_key_env)


def make_plan(choices: Sequence[Choice], tiers: Mapping[str, Sequence[str]]) -> Plan:
    """Return the plan; the gateway gets another port where llama.cpp has its usual one."""
    in_the_way = any(choice.name == "llamacpp" and choice.base_url is None for choice in choices)
    return Plan(
        providers=tuple(choice.section() for choice in choices),
        tiers={name: list(dict.fromkeys(arms)) for name, arms in tiers.items()},
        port=8088 if in_the_way else 8080,
    )


def suggested_tiers(names: Iterable[str], local: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return SIMPLE and COMPLEX of what the chosen providers are suggested for; empty lists where nothing is known.

    Parameters
    ----------
    names : iterable of str
        Of providers, in order; the first arm of a tier is what serves when no policy can choose.
    local : mapping of str to sequence of str
        What the local servers have, smallest first.

    Notes
    -----
    Where something hosted can take the demanding requests, what runs here takes the easy ones only. A tier with one arm
    gets the other tier's first one too: with one arm there is nothing to learn.
    """
    tiers: dict[str, list[str]] = {SIMPLE: [], COMPLEX: []}
    offers = {name: offer_of_local(list(local[name])) if name in local else OFFERS.get(name, Offer()) for name in names}
    hosted = any(offer.complex for name, offer in offers.items() if name not in local)
    for name, offer in offers.items():
        tiers[SIMPLE] += [f"{name}:{model}" for model in offer.simple]
        if not (hosted and name in local):
            tiers[COMPLEX] += [f"{name}:{model}" for model in offer.complex]
    alone = [name for name, arms in tiers.items() if len(arms) == 1]
    first = {name: arms[:1] for name, arms in tiers.items()}
    for name in alone:
        other = COMPLEX if name == SIMPLE else SIMPLE
        tiers[name] = list(dict.fromkeys([*tiers[name], *first[other]]))
    return tiers


def unset_variables(plan: Plan, environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return each provider whose key is not in the environment, and the name of its variable."""
    wanted = [(section.name, with_defaults(section).api_key_env) for section in plan.providers]
    return [(name, variable) for name, variable in wanted if variable and not environ.get(variable, "").strip()]


def ready_providers(local: Mapping[str, Sequence[str]], environ: Mapping[str, str]) -> list[str]:
    """Return the providers that work as things are: local ones that have models, hosted ones whose key is set."""
    found = [name for name, models in local.items() if models]
    for name, known in WELL_KNOWN.items():
        if known.base_url and known.api_key_env and environ.get(known.api_key_env, "").strip():
            found.append(name)
    return found
