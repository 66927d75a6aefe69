"""Commands that run without a network, or beside a disk of a few megabytes, where the system allows it (Linux namespaces)."""

import subprocess
from functools import cache
from pathlib import Path

import pytest

OFFLINE = ("--net",)
OWN_DISKS = ("--mount",)


@cache
def _allowed(*kinds: str) -> bool:
    try:
        return subprocess.run(_enter(*kinds, script="true"), capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _enter(*kinds: str, script: str) -> list[str]:
    return ["unshare", "--user", "--map-root-user", *kinds, "sh", "-c", script, "sh"]


def _inside(*kinds: str, script: str) -> list[str]:
    if not _allowed(*kinds):
        pytest.skip(f"this system does not let us unshare {' '.join(kinds)}")
    return _enter(*kinds, script=script)


def without_network_if_allowed(command: list[str]) -> list[str]:
    """Return the command, run as by :func:`without_network` where that is allowed and as it is elsewhere."""
    return without_network(command) if _allowed(*OFFLINE) else command


def without_network(command: list[str]) -> list[str]:
    """Return the command, run where there is a loopback device and nothing else; skip the test where that is not allowed."""
    return [*_inside(*OFFLINE, script='ip link set lo up && exec "$@"'), *command]


def with_small_disk(command: list[str], folder: Path, kilobytes: int) -> list[str]:
    """Return the command, run with a disk of its own below ``folder``; skip the test where that is not allowed."""
    script = f'mount -t tmpfs -o size={kilobytes}k none "$1" && shift && exec "$@"'
    return [*_inside(*OWN_DISKS, script=script), str(folder), *command]
