"""Errors of the bus.

No other error of a bus operation reaches a caller: the errors of the NATS client are wrapped.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import nats.errors


class BusError(Exception):
    """Base of every error raised by :mod:`pointsman.runtime.bus`."""


class BusUnavailable(BusError):
    """NATS cannot be reached, or did not respond in time."""


class NoResponse(BusUnavailable):
    """No response within the timeout. The request may or may not have been received."""


class NoResponders(BusUnavailable):
    """No process serves the subject at present."""


class NotPermitted(BusError):
    """This user must not publish to the subject."""


class AppendRefused(BusError):
    """JetStream refused to store a message; ``code`` is its ``err_code``."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(f"{description} ({code})")
        self.code = code


class WrongSequence(AppendRefused):
    """The last sequence was not the expected one: another writer was first."""


class UpdateRefused(BusError):
    """JetStream refused to create or change a stream; ``code`` is its code of the error."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(f"{description} ({code})")
        self.code = code


class StreamMissing(BusError):
    """The stream does not exist."""


class StreamsLost(BusError):
    """Streams that existed before are missing: NATS cannot read them, or its data is not there.

    ``streams``: each stream, and how it is known that it existed.
    """

    def __init__(self, streams: Mapping[str, str]) -> None:
        names = "; ".join(f"{name} ({how})" for name, how in sorted(streams.items()))
        super().__init__(
            f"NATS no longer has streams that existed: {names}. They are not created again, because that could delete "
            "what is left of them. `pointsman logs restore` restores them from the files of NATS"
        )
        self.streams = dict(streams)


class PoliciesUnreadable(BusError):
    """The bucket holds something other than a tier's policies, or they were deleted from it.

    ``version`` is that of the unreadable entry; its replacement is written on top of it.
    """

    def __init__(self, tier: str, version: int, reason: str) -> None:
        super().__init__(f"the policies of tier {tier} cannot be read: {reason}")
        self.version = version


@contextmanager
def bus_errors(operation: str) -> Iterator[None]:
    """Raise `BusUnavailable` for every error of the NATS client in the block; its text begins with ``operation``."""
    try:
        yield
    except nats.errors.Error as error:
        raise BusUnavailable(f"{operation}: {error or type(error).__name__}") from error
