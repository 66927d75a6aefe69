"""Keeps what a process holds of memory-mapped files small: sets of images may be larger than memory."""

import mmap

import numpy as np

ROWS = 512  # pictures that are read or written between two releases: 77 MB at 224 pixels


def release(array: np.ndarray) -> None:
    """Give back the memory that holds a mapped file's pages in this process; what was written stays, and reading maps them again.

    Parameters
    ----------
    array
        A memory map of a file (other arrays are left as they are).

    References
    ----------
    madvise(2): after ``MADV_DONTNEED`` a shared mapping of a file is filled from the file's up-to-date contents.
    """
    mapped = getattr(array, "_mmap", None)
    if isinstance(mapped, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)
