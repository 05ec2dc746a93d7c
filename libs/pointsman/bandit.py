"""Public names for policies of your own (``algorithm = "module:Class"``)."""

from pointsman.core.bandit import *  # noqa: F403  # the public names are those of the package
