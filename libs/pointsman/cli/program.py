"""The command as it was typed, for hints that can be typed again."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path


def program() -> str:
    """Return ``pointsman`` where the shell finds it by that name, and else the path that it was started by."""
    typed = Path(sys.argv[0])
    if typed.name != "pointsman" or shutil.which("pointsman") == str(typed):
        return "pointsman"
    return shlex.quote(str(typed))
