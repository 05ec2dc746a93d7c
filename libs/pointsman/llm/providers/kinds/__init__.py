"""How each kind of provider is called: the one table of implementations.

A new kind needs a row of `PROVIDER_KINDS` in `pointsman.contracts.config.providers` (what configuration, command line
and metrics know of it), a module here with its `Wire`, and a row of `IMPLEMENTATIONS`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from pointsman.contracts.config.providers import Kind
from pointsman.llm.providers.kinds.anthropic import AnthropicWire, TokenCountWire
from pointsman.llm.providers.kinds.bedrock import bedrock_problems, bedrock_wires
from pointsman.llm.providers.kinds.openai import AzureOpenAIWire, OpenAIWire
from pointsman.llm.providers.kinds.wire import Wire
from pointsman.llm.providers.settings import ProviderSettings


class Implementation(NamedTuple):
    """The code of one kind.

    ``wires`` returns for a provider the function that makes the wire of a model, given its name at the provider.
    ``problems`` returns what is missing besides what `settings_problems` checks. ``token_count`` makes the wire that
    counts the tokens of a request; None where the kind has no such endpoint.
    """

    wires: Callable[[ProviderSettings], Callable[[str], Wire]]
    problems: Callable[[ProviderSettings], list[str]] = lambda _: []
    token_count: Callable[[ProviderSettings, str], Wire] | None = None


IMPLEMENTATIONS: dict[Kind, Implementation] = {
    "openai": Implementation(lambda settings: partial(OpenAIWire, settings)),
    "azure-openai": Implementation(lambda settings: partial(AzureOpenAIWire, settings)),
    "anthropic": Implementation(lambda settings: partial(AnthropicWire, settings), token_count=TokenCountWire),
    "bedrock": Implementation(bedrock_wires, bedrock_problems),
}
