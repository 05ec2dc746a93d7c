"""Failures of commands.

::

    CommandFailed (Exception)    printed as one line, without a traceback
"""


class CommandFailed(Exception):
    """A command cannot do what was asked.

    ``reason`` is shown to the user: what is wrong and what to do about it. ``code`` is the exit code: 1, or 2 for a
    wrong option or configuration.
    """

    def __init__(self, reason: str, code: int = 1) -> None:
        super().__init__(reason)
        self.code = code
