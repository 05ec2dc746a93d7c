"""``python -m docs.generate``: write the generated pages; with ``--check`` only list those that are out of date."""

from __future__ import annotations

import argparse
import sys

from docs import DOCS
from docs.generate.pages import outdated


def main() -> int:
    """Write or check; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m docs.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a page is out of date")
    arguments = parser.parse_args()
    pages = outdated()
    for name, text in pages.items():
        print(f"docs/{name} {'is out of date' if arguments.check else 'written'}", file=sys.stderr)
        if not arguments.check:
            (DOCS / name).write_text(text, encoding="utf-8")
    return 1 if arguments.check and pages else 0


if __name__ == "__main__":
    sys.exit(main())
