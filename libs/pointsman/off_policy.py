"""Public names for off-policy evaluation of a decision log: estimators, intervals, effective sample size."""

from pointsman.core.off_policy import *  # noqa: F403  # the public names are those of the package
