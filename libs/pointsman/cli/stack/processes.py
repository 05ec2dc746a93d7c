"""Questions about processes: alive, and of this stack?"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

OWNER_VARIABLE = "POINTSMAN_DATA_DIR"
"""In the environment of every child: the absolute data directory that it belongs to."""


def is_alive(pid: int) -> bool:
    """Tell whether there is a process of that id, zombies left out where that can be seen."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True
    return status.rpartition(")")[2].split()[0] != "Z"


def belongs_to(pid: int, data_dir: Path) -> bool:
    """Tell whether a process was started by a stack on this data directory, and is not another of the same id."""
    mark = f"{OWNER_VARIABLE}={data_dir.resolve()}"
    try:
        if Path("/proc/self/environ").exists():
            return mark.encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        listed = subprocess.run(["ps", "eww", "-o", "command=", "-p", str(pid)], capture_output=True, check=False)
        return mark.encode() in listed.stdout
    except OSError:
        return False
