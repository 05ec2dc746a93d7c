"""The terminal for tables and colours."""

import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from pointsman.cli.output import PrintableStream
from pointsman.core.printable import printable


class PrintableConsole(Console):
    """A console that escapes control characters in what it shows, and not those of its own styles.

    It writes to the standard output.
    """

    def __init__(self, **options: Any) -> None:
        stream: object = sys.stdout
        super().__init__(file=stream.raw if isinstance(stream, PrintableStream) else None, **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Return the segments of a renderable with printable text."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=printable(segment.text))
