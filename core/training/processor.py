"""Whether TensorFlow computes faster on this processor with oneDNN, Intel's library of kernels, which it leaves off on many."""

import os
import platform
import sys
from pathlib import Path

VARIABLE = "TF_ENABLE_ONEDNN_OPTS"
# TensorFlow turns oneDNN on by itself only on processors with instructions for neural networks (AVX-512 VNNI, AMX …). Measured on one
# with AVX2 and none of those, a training step of the whole network takes 0.53 of the processor time with it, of the last 38 layers 0.75.
NEEDED = "avx2"


def settings() -> dict[str, str]:
    """Return the environment with which workers begin: oneDNN on where it pays; nothing where somebody has chosen already."""
    return {VARIABLE: "1"} if VARIABLE not in os.environ and onednn_pays() else {}


def onednn_pays() -> bool:
    """Return whether the processor is one on which oneDNN was measured to be faster: x86-64 with AVX2, on Linux."""
    is_measured = sys.platform == "linux" and platform.machine() in ("x86_64", "AMD64")
    return is_measured and NEEDED in processor_flags()


def processor_flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> set[str]:
    """Return the instruction sets of the first processor, as Linux names them; none where that is not said."""
    try:
        lines = cpuinfo.read_text(errors="replace").splitlines()
    except OSError:
        return set()
    flags = next((line for line in lines if line.startswith("flags")), "")
    return set(flags.partition(":")[2].split())
