"""Becomes another program that the kernel ends when its parent ends: ``leash.py PARENT PROGRAM ARGUMENT…``.

Run as a file by a bare interpreter, it asks Linux for a SIGTERM at the death of the parent and then executes the
program in its place, so the process id stays. Elsewhere it only executes the program. A function called between fork
and exec could do the same, but is not safe in a process that has threads.
"""

from __future__ import annotations

import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Execute the program; return only by raising."""
    parent, program = int(arguments[0]), arguments[1]
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415  # costs time, and only Linux needs it

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit("the stack ended before its child began")
    os.execv(program, arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
