"""What can go wrong on the bus.

::

    BusError (Exception)
    ├── BusUnavailable       not connected, or no answer: try again later
    │   ├── NoAnswer         nobody answered in time
    │   └── NoResponders     nobody serves the subject right now
    ├── NotPermitted         this user must not publish to the subject
    ├── AppendRefused        the stream said no: full, wrong expected sequence, unknown stream
    │   └── WrongSequence    another writer was first
    ├── StreamMissing        the stream does not exist
    └── PoliciesUnreadable   the bucket has something else than a tier's policies
"""

from __future__ import annotations


class BusError(Exception):
    """Base of every error raised by :mod:`pointsman.runtime.bus`."""


class BusUnavailable(BusError):
    """NATS cannot be reached, or did not answer in time."""


class NoAnswer(BusUnavailable):
    """Nobody answered in time. The request may or may not have been heard."""


class NoResponders(BusUnavailable):
    """Nobody serves the subject right now."""


class NotPermitted(BusError):
    """This user must not publish to the subject."""


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


class PoliciesUnreadable(BusError):
    """The bucket has something else than a tier's policies, or they were deleted from it.

    Parameters
    ----------
    tier : str
    version : int
        Of what is there; what is to replace it is written on top of this.
    reason : str
    """

    def __init__(self, tier: str, version: int, reason: str) -> None:
        super().__init__(f"the policies of tier {tier} cannot be read: {reason}")
        self.version = version
