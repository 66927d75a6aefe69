"""Settings of the C library's allocator with which a network trains twice as fast."""

import os
import sys

# A network frees and takes the same large blocks in every step. glibc hands them back to the system, which fills them with zeros anew:
# measured, a training step took twice as long and a pass through frozen layers three times.
KEEP_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**30)}


def restart_keeping_memory(module: str) -> None:
    """Begin ``python -m module`` again with :data:`KEEP_MEMORY`, which glibc reads only at the start of a process.

    Does nothing in a process that began with these settings, nor on other systems than Linux.

    Parameters
    ----------
    module
        Name of the module that runs, as after ``python -m``; it gets the same arguments.
    """
    if sys.platform != "linux" or KEEP_MEMORY.items() <= os.environ.items():
        return
    os.execve(sys.executable, [sys.executable, "-m", module, *sys.argv[1:]], {**os.environ, **KEEP_MEMORY})
