"""What can be wrong with a configuration.

::

    ConfigError (ValueError)    carries every problem found, not just the first
"""

from __future__ import annotations


class ConfigError(ValueError):
    """The configuration cannot be used.

    Parameters
    ----------
    problems : list of str
        One line for each problem, naming the setting.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
