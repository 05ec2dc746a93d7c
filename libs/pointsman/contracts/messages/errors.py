"""Errors of messages.

::

    MessageError (ValueError)
    ├── InvalidMessage       a field is missing, unknown, of the wrong type or out of range; names the field
    ├── UnknownVersion       written by a newer Pointsman than this one
    ├── SwitchRefused        the requested change of the active policy is not possible
    │   └── NoSuchShadow     the tier has no shadow of that name
    └── MalformedId          not a decision id
"""


class MessageError(ValueError):
    """Base of every error raised by :mod:`pointsman.contracts.messages`."""


class InvalidMessage(MessageError):
    """A field of a message is wrong.

    Parameters
    ----------
    field : str
        Path of the field as in ``candidates[2].model``; empty for the message as a whole.
    detail : str
        What was expected, and what the field holds.
    """

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(f"{field}: {detail}" if field else detail)
        self.field = field
        self.detail = detail


class UnknownVersion(MessageError):
    """The message was written by a newer Pointsman than this one."""


class SwitchRefused(MessageError):
    """The requested change of the active policy is not possible with the current policies of the tier."""


class NoSuchShadow(SwitchRefused):
    """The tier has no shadow of that name."""


class MalformedId(MessageError):
    """The text is not a decision id."""
