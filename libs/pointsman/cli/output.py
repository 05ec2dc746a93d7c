"""Output of the command line. Whatever a command prints goes through `printable`, because it contains text of others:
reasons, names, answers of servers, messages on NATS.
"""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any, TextIO, cast

from pointsman.core.printable import printable


class PrintableStream:
    """A text stream that escapes control characters; all else is as in the ``raw`` stream."""

    def __init__(self, raw: TextIO) -> None:
        self.raw = raw

    def write(self, text: str) -> int:
        """Write the text, made printable."""
        return self.raw.write(printable(text))

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the raw stream."""
        return getattr(self.raw, name)


@contextlib.contextmanager
def printable_output() -> Iterator[None]:
    """Make the standard output and the standard error of this process printable within the block."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast("TextIO", PrintableStream(stream)) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
