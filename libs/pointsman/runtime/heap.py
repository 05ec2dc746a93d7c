"""Return of freed memory from the C allocator to the operating system.

The GNU C library keeps freed blocks that lie below a block in use, so that after a burst of large requests a process
would keep its peak size. With other C libraries these functions do nothing.
"""

from __future__ import annotations

import ctypes

LARGE_BLOCK_BYTES = 1024 * 1024
_M_MMAP_THRESHOLD = -3  # malloc.h

_libc = ctypes.CDLL(None)
_mallopt = getattr(_libc, "mallopt", None)
_malloc_trim = getattr(_libc, "malloc_trim", None)


def return_large_blocks() -> None:
    """Make every block of `LARGE_BLOCK_BYTES` a mapping of its own, which is returned when it is freed.

    By default the threshold rises to 32 MB with the blocks that are freed.
    """
    if _mallopt is not None:
        _mallopt(_M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES)


def trim_heap() -> None:
    """Return the free pages between small blocks: about 0.25 s for a gigabyte, in which no thread can allocate."""
    if _malloc_trim is not None:
        _malloc_trim(0)
