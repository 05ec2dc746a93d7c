"""The models that ``pointsman init`` suggests of each provider; any other can be named."""

from __future__ import annotations

from typing import NamedTuple


class Offer(NamedTuple):
    """What a provider is suggested for.

    Attributes
    ----------
    simple, complex : tuple of str
        Models for easy and for demanding requests, as the provider calls them.
    """

    simple: tuple[str, ...] = ()
    complex: tuple[str, ...] = ()


OFFERS: dict[str, Offer] = {
    "openai": Offer(("gpt-4o-mini",), ("gpt-5",)),
    "anthropic": Offer(("claude-haiku-4-5",), ("claude-sonnet-4-5",)),
    "openrouter": Offer(("meta-llama/llama-3.1-8b-instruct",), ("anthropic/claude-sonnet-4.5",)),
    "bedrock": Offer(("amazon.nova-lite-v1:0",), ("amazon.nova-pro-v1:0",)),
    "databricks": Offer(("databricks-meta-llama-3-1-8b-instruct",), ("databricks-meta-llama-3-3-70b-instruct",)),
}
"""Of what is hosted. Azure's deployments have names of their own; local servers are asked what they have."""


def offer_of_local(models: list[str]) -> Offer:
    """Return what a local server is suggested for.

    Parameters
    ----------
    models : list of str
        Smallest first: the two smallest are for easy requests, the largest for demanding ones.
    """
    return Offer(tuple(models[:2]), tuple(models[-1:]))
