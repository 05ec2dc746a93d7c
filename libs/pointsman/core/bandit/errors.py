"""What can go wrong inside the bandit.

::

    BanditError (ValueError)
    ├── ArmError              an arm's name is malformed
    ├── ContextError          a context does not fit the arms' dimension
    ├── PolicyError           a policy's parameters are wrong, or its class cannot be loaded
    └── DistributionError     a policy returned something that is not a probability distribution
"""

from __future__ import annotations


class BanditError(ValueError):
    """Base of every error raised by :mod:`pointsman.core.bandit`."""


class ArmError(BanditError):
    """An arm's name is malformed."""


class ContextError(BanditError):
    """A context is not a vector of ``dim`` finite numbers."""


class PolicyError(BanditError):
    """A policy's parameters are wrong, or its class cannot be loaded."""


class DistributionError(BanditError):
    """A policy returned something that is not a probability distribution over the candidates."""
