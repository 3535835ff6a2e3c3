"""Memory allocation settings for training on CPUs."""

from __future__ import annotations

import ctypes
import platform

# mallopt's parameters, from glibc's malloc.h
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4


def keep_freed_memory() -> None:
    """Let this process keep freed memory for later allocations, from now on.

    By default glibc returns every large block to the system at once. The feature maps of networks are such blocks, so a
    third of a training step on a CPU is spent on page faults (``benchmarks/csr_training.py``). Does nothing without
    glibc.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    mallopt = ctypes.CDLL(None).mallopt
    mallopt(M_MMAP_MAX, 0)
    mallopt(M_TRIM_THRESHOLD, -1)
    mallopt(M_TOP_PAD, 256 * 2**20)
