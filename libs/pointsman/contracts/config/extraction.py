"""From the configuration to the extractor of chat requests. Only the gateway has to have its class or its model."""

from __future__ import annotations

from pointsman.contracts.config.errors import ConfigError
from pointsman.contracts.config.schema import Config
from pointsman.core.features import CHAT, CheckedExtractor, ExtractorNotUsable, make_extractor


def request_extractor(config: Config) -> CheckedExtractor:
    """Load the extractor of chat requests.

    Raises
    ------
    ConfigError
        It cannot be loaded, or ``llm.features`` names one whose contexts have another length than ``context.dim``.
    """
    name = config.llm.features or CHAT
    try:
        extractor = make_extractor(name, config.context.dim, config.llm.embedding_path)
    except ExtractorNotUsable as error:
        raise ConfigError([f"llm.features: {error}"]) from error
    if config.llm.features is not None and (problem := length_problem(config, extractor)):
        raise ConfigError([problem])
    return extractor


def length_problem(config: Config, extractor: CheckedExtractor) -> str:
    """Return why the extractor's contexts do not fit; empty when they do, or are to be padded.

    Where ``llm.features`` is left out this is no error of the configuration: it may be for ``/v1/decisions`` alone.
    """
    dim = config.context.dim
    if extractor.dim == dim or config.context.mismatch == "pad":
        return ""
    return (
        f"llm.features: {extractor.name!r} makes contexts of {extractor.dim} numbers, and context.dim is {dim}; "
        "chat requests need both to be the same"
    )
