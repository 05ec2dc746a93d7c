"""Public names for feature extractors of your own (``[llm] features = "module:Class"``)."""

from pointsman.core.features import *  # noqa: F403  # the public names are those of the package
