"""How each kind of provider is called: the one table of implementations.

A new kind needs a row of `PROVIDER_KINDS` in `pointsman.contracts.config.providers` (what configuration, command line
and metrics know of it), a module here with its `Wire`, and a row of `IMPLEMENTATIONS`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from pointsman.contracts.config.providers import Kind, ProviderConfig
from pointsman.llm.effort import split_effort
from pointsman.llm.providers.efforts.bedrock import bedrock_effort
from pointsman.llm.providers.efforts.claude import claude_effort
from pointsman.llm.providers.efforts.effort import Effort
from pointsman.llm.providers.efforts.openai import openai_effort
from pointsman.llm.providers.kinds.anthropic import AnthropicWire, TokenCountWire
from pointsman.llm.providers.kinds.bedrock import bedrock_problems, bedrock_wires
from pointsman.llm.providers.kinds.openai import AzureOpenAIWire, OpenAIWire
from pointsman.llm.providers.kinds.wire import Wire
from pointsman.llm.providers.settings import ProviderSettings


class Implementation(NamedTuple):
    """The code of one kind.

    ``wires`` returns for a provider the function that makes the wire of a model, given its name at the provider.
    ``problems`` returns what is missing besides what `settings_problems` checks. ``token_count`` makes the wire that
    counts the tokens of a request; None where the kind has no such endpoint. ``effort`` returns an effort of a model,
    given its names in arms and at the provider, or raises `EffortNotAvailable`.
    """

    wires: Callable[[ProviderSettings], Callable[[str], Wire]]
    effort: Callable[[ProviderConfig, tuple[str, ...], str], Effort]
    problems: Callable[[ProviderSettings], list[str]] = lambda _: []
    token_count: Callable[[ProviderSettings, str], Wire] | None = None


IMPLEMENTATIONS: dict[Kind, Implementation] = {
    "openai": Implementation(lambda settings: partial(OpenAIWire, settings), openai_effort),
    "azure-openai": Implementation(lambda settings: partial(AzureOpenAIWire, settings), openai_effort),
    "anthropic": Implementation(
        lambda settings: partial(AnthropicWire, settings), claude_effort, token_count=TokenCountWire
    ),
    "bedrock": Implementation(bedrock_wires, bedrock_effort, bedrock_problems),
}


def model_of_arm(config: ProviderConfig, model: str) -> tuple[str, Effort | None]:
    """Return the provider's name of the model of an arm, and its effort; raise `EffortNotAvailable`.

    A name that ``models`` of the provider has is used as it is, although it may end as an effort does.
    """
    if model in config.models:
        return config.models[model], None
    own_name, level = split_effort(model)
    name = config.models.get(own_name, own_name)
    if level is None:
        return name, None
    return name, IMPLEMENTATIONS[config.kind or "openai"].effort(config, (own_name, name), level)
