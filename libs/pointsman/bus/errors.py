"""What can go wrong on the bus.

::

    BusError (Exception)
    ├── BusUnavailable       not connected, or no answer in time: try again later
    │   └── NoResponders     nobody serves the subject right now
    ├── AppendRefused        the stream said no: full, wrong expected sequence, unknown stream
    │   └── WrongSequence    another writer was first
    └── StreamMissing        the stream does not exist
"""

from __future__ import annotations


class BusError(Exception):
    """Base of every error raised by :mod:`pointsman.bus`."""


class BusUnavailable(BusError):
    """NATS cannot be reached, or did not answer in time."""


class NoResponders(BusUnavailable):
    """Nobody serves the subject right now."""


class AppendRefused(BusError):
    """JetStream refused to store a message.

    Parameters
    ----------
    code : int
        JetStream's ``err_code``.
    description : str
    """

    def __init__(self, code: int, description: str) -> None:
        super().__init__(f"{description} ({code})")
        self.code = code


class WrongSequence(AppendRefused):
    """The expected last sequence was another: another writer was first."""


class StreamMissing(BusError):
    """The stream does not exist."""
