"""The configuration: ``pointsman.toml`` and the environment."""

from pointsman.config.errors import ConfigError
from pointsman.config.loader import DEFAULT_FILE, digest, load_config
from pointsman.config.schema import Config, TierConfig, fallback_arm, reward_rule, tier_arms

__all__ = [
    "DEFAULT_FILE",
    "Config",
    "ConfigError",
    "TierConfig",
    "digest",
    "fallback_arm",
    "load_config",
    "reward_rule",
    "tier_arms",
]
