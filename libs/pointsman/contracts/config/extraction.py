"""The feature extractor that the configuration selects. Only the gateway needs its class or its model."""

from pointsman.contracts.config.errors import ConfigError
from pointsman.contracts.config.schema import Config
from pointsman.core.features import CHAT, CheckedExtractor, ExtractorNotUsable, make_extractor


def request_extractor(config: Config) -> CheckedExtractor:
    """Load the feature extractor for chat requests.

    Raises
    ------
    ConfigError
        When it cannot be loaded, or when the number of features of ``llm.features`` is not ``context.dim``.
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
    """Return why the extractor's contexts do not fit; empty when they fit or are padded.

    This is not an error of the configuration while ``llm.features`` is not set: it may serve ``/v1/decisions`` only.
    """
    dim = config.context.dim
    if extractor.dim == dim or config.context.mismatch == "pad":
        return ""
    return (
        f"llm.features: {extractor.name!r} returns {extractor.dim} features, but context.dim is {dim}; "
        "chat requests need equal numbers"
    )
