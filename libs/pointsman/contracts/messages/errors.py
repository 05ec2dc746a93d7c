"""What can be wrong with a message.

::

    MessageError (ValueError)
    ├── InvalidMessage       a field is missing, unknown, of the wrong type or out of range; names the field
    ├── UnknownVersion       written by a newer Pointsman than this one
    ├── SwitchRefused        the active policy cannot be switched as asked
    │   └── NoSuchShadow     there is no shadow of that name to promote
    └── MalformedId          not a decision id
"""

from __future__ import annotations


class MessageError(ValueError):
    """Base of every error raised by :mod:`pointsman.contracts.messages`."""


class InvalidMessage(MessageError):
    """A field of a message is wrong.

    Parameters
    ----------
    field : str
        Path of the field as in ``candidates[2].model``; empty for the message as a whole.
    detail : str
        What was expected and what was found.
    """

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(f"{field}: {detail}" if field else detail)
        self.field = field
        self.detail = detail


class UnknownVersion(MessageError):
    """The message was written by a newer Pointsman than this one."""


class SwitchRefused(MessageError):
    """The active policy of a tier cannot be switched as asked, as its policies are now."""


class NoSuchShadow(SwitchRefused):
    """No shadow of the tier has the name."""


class MalformedId(MessageError):
    """The text is not a decision id."""
