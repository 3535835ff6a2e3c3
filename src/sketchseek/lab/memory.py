"""How the process gets its memory."""

from __future__ import annotations

import ctypes
import platform

# mallopt's parameters, from glibc's malloc.h
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4


def keep_freed_memory() -> None:
    """From now on let this process keep what it frees for its next allocations.

    By default glibc gives every large block back to the system at once, and a network's maps are nothing but large
    blocks: a third of a training step on a CPU then goes into fresh pages (``benchmarks/csr_training.py``). Without
    glibc this does nothing.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    mallopt = ctypes.CDLL(None).mallopt
    mallopt(M_MMAP_MAX, 0)
    mallopt(M_TRIM_THRESHOLD, -1)
    mallopt(M_TOP_PAD, 256 * 2**20)
