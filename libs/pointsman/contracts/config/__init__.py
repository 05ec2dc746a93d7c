"""The configuration: ``pointsman.toml`` and the environment."""

from pointsman.contracts.config.errors import ConfigError
from pointsman.contracts.config.loader import DEFAULT_FILE, PREFIX, digest, load_config
from pointsman.contracts.config.schema import (
    Config,
    exposure_problems,
    keys_required,
    length_problem,
    request_extractor,
)
from pointsman.contracts.config.tiers import TierConfig, fallback_arm, tier_arms

__all__ = [
    "DEFAULT_FILE",
    "PREFIX",
    "Config",
    "ConfigError",
    "TierConfig",
    "digest",
    "exposure_problems",
    "fallback_arm",
    "keys_required",
    "length_problem",
    "load_config",
    "request_extractor",
    "tier_arms",
]
