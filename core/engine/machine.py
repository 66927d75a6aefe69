"""How many workers this machine is for, and what each may use of it."""

import os
import subprocess
from dataclasses import dataclass, field

import psutil

from core.errors import EngineError

WORKERS_VARIABLE = "THAW_WORKERS"
CORES_A_WORKER = 4  # with fewer, two runs side by side take as long as one after the other
MEMORY_A_WORKER = 3_000_000_000  # bytes: TensorFlow, a data set, and a batch through the whole network
MOST_MEMORY = 8_000_000_000  # bytes; a worker that takes more is ended and costs its run, not the machine
GPU_SECONDS = 10.0


@dataclass(frozen=True)
class Share:
    """What one worker may use: ``memory`` in bytes, and the environment that tells TensorFlow its cores and its GPU."""

    memory: int
    environment: dict[str, str] = field(default_factory=dict)


def shares() -> list[Share]:
    """Return the share of each worker: one a GPU where there are GPUs, else as many as cores and free memory are for.

    Raises
    ------
    EngineError
        When ``$THAW_WORKERS`` is no number of workers.
    """
    gpus = visible_gpus()
    cores, memory = usable_cores(), psutil.virtual_memory().available
    return divided(asked() or len(gpus) or number(cores, memory), cores, memory, gpus)


def number(cores: int, memory: int) -> int:
    """Return how many workers pay on so many cores with so many free bytes."""
    return max(1, min(cores // CORES_A_WORKER, memory // MEMORY_A_WORKER))


def asked() -> int:
    """Return how many workers ``$THAW_WORKERS`` asks for; 0 where it is not set."""
    text = os.environ.get(WORKERS_VARIABLE, "")
    if text and not (text.isdecimal() and 1 <= int(text) <= 64):
        raise EngineError(f"{WORKERS_VARIABLE} is {text!r}; set it to a number of workers from 1 to 64.")
    return int(text or 0)


def divided(n: int, cores: int, memory: int, gpus: list[str]) -> list[Share]:
    """Return ``n`` shares of a machine.

    Parameters
    ----------
    n, cores, memory
        Workers, processor cores and free bytes.
    gpus
        What ``CUDA_VISIBLE_DEVICES`` calls each GPU; workers take them in turn.
    """
    limit = min(MOST_MEMORY, max(MEMORY_A_WORKER, memory // n))
    threads = {"TF_NUM_INTRAOP_THREADS": str(max(1, cores // n)), "TF_NUM_INTEROP_THREADS": str(max(1, cores // n))}
    return [
        Share(limit, (threads if n > 1 else {}) | ({"CUDA_VISIBLE_DEVICES": gpus[i % len(gpus)]} if gpus else {}))
        for i in range(n)
    ]


def usable_cores() -> int:
    """Return how many cores this process may use; a container often has fewer than the machine."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def visible_gpus() -> list[str]:
    """Return the GPUs that may be used, as ``$CUDA_VISIBLE_DEVICES`` names them; empty where there are none."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is not None:
        return [name for name in given.split(",") if name.strip() not in {"", "-1"}]
    try:
        said = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, timeout=GPU_SECONDS, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [str(i) for i in range(sum(line.startswith("GPU ") for line in said.splitlines()))]
