"""Execute a program as a child of the stack: ``parent_death_signal.py PARENT PROGRAM ARGUMENT…``.

The program receives SIGTERM when its parent dies, and only the owner can read what it writes. Run as a file by a bare
interpreter, this sets the umask, asks Linux for the signal and then executes the program in its place, so the process
id stays. Other systems have no such signal. A function called between fork and exec could do the same, but is not safe
in a process that has threads.
"""

import os
import signal
import sys

UMASK = 0o077
"""Only the owner can read what the program writes."""

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Execute the program; return only by raising."""
    parent, program = int(arguments[0]), arguments[1]
    os.umask(UMASK)
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415  # slow to import, and only Linux needs it

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit("the stack ended before its child started")
    os.execv(program, arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
