"""Errors of the configuration.

::

    ConfigError (ValueError)    with all problems, not only the first
"""


class ConfigError(ValueError):
    """The configuration is not valid.

    Parameters
    ----------
    problems : list of str
        One line per problem, beginning with the setting.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
