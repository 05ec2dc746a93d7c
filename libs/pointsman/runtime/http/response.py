"""A complete HTTP response, the same from both clients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

MAX_BODY_BYTES = 64 * 1024 * 1024
"""Default bound on the body of a response that is read as a whole."""


class CompleteResponse(NamedTuple):
    """A response that was read to its end.

    Attributes
    ----------
    headers: Look names up in lower case.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the status is one of success (2xx)."""
        return 200 <= self.status < 300
