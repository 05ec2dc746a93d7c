"""Errors of the bandit.

::

    BanditError (ValueError)
    ├── ArmError              the name of an arm is malformed
    ├── ContextError          a context does not have the dimension of the arms
    ├── PolicyError           an algorithm is unknown, a parameter is invalid, or a class cannot be loaded
    └── DistributionError     a policy did not return a probability distribution
"""


class BanditError(ValueError):
    """Base of every error raised by :mod:`pointsman.core.bandit`."""


class ArmError(BanditError):
    """The name of an arm is malformed."""


class ContextError(BanditError):
    """A context is not a vector of ``dim`` finite numbers."""


class PolicyError(BanditError):
    """An algorithm is unknown, a parameter is invalid, or a class cannot be loaded.

    Parameters
    ----------
    detail : str
        What was expected, and what was given.
    parameter : str
        Name of the parameter, or ``algorithm``; empty when a custom class does not name one.
    """

    def __init__(self, detail: str, parameter: str = "") -> None:
        super().__init__(f"{parameter}: {detail}" if parameter else detail)
        self.parameter = parameter
        self.detail = detail


class DistributionError(BanditError):
    """A policy did not return a probability distribution over the candidates."""
