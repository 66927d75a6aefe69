"""Kept activations survive kills, races and a full disk's worth of others."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.errors import StorageError
from core.training import activations
from tests.isolation import with_small_disk

ROOT = Path(__file__).resolve().parents[3]

WRITER = """
import sys, numpy as np
from core.training import activations
def blocks():
    for i in range(4):
        if i == 2:
            print("half", flush=True)
            sys.stdin.readline()
        yield [np.full((5, 3), i, np.float32)]
made = activations.get_or_compute("k", [(20, 3)], blocks)
print("done", float(made.arrays[0].sum()), made.reused, flush=True)
"""


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("THAW_DATA_DIR", str(tmp_path))


def writer() -> subprocess.Popen:
    """Start a process that waits in the middle of writing the entry ``k``."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ}
    )
    assert process.stdout.readline() == "half\n"
    return process


def entry(key: str, value: float = 1.0, rows: int = 20) -> activations.Activations:
    return activations.get_or_compute(key, [(rows, 3)], lambda: [[np.full((rows, 3), value, np.float32)]])


def test_kept_and_used_again():
    assert not entry("k", 1.0).reused
    again = entry("k", 2.0)
    assert again.reused
    assert again.arrays[0].min() == again.arrays[0].max() == 1.0
    assert isinstance(again.arrays[0], np.memmap)


def test_kill_in_the_middle_of_a_write_leaves_nothing_half(tmp_path):
    process = writer()
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert activations.get("k") is None
    assert entry("k", 7.0).arrays[0].min() == 7.0
    [left_behind] = tmp_path.glob("activations/incoming-*")
    os.utime(left_behind, (0, 0))
    activations.make_room(0)
    assert not left_behind.exists()


def test_an_error_in_the_middle_of_a_write_leaves_nothing(tmp_path):
    def blocks():
        yield [np.zeros((5, 3), np.float32)]
        raise MemoryError

    with pytest.raises(MemoryError):
        activations.get_or_compute("k", [(20, 3)], blocks)
    assert list((tmp_path / "activations").iterdir()) == []


def test_too_few_rows_are_not_taken_for_an_entry():
    with pytest.raises(ValueError, match="15 of 20"):
        activations.get_or_compute("k", [(20, 3)], lambda: [[np.zeros((15, 3), np.float32)]])
    assert activations.get("k") is None


def test_two_processes_computing_the_same_entry_do_not_disturb_each_other(tmp_path):
    both = [writer(), writer()]
    outputs = [process.communicate("go\n")[0] for process in both]
    assert outputs == ["done 90.0 False\n"] * 2
    assert [p.name for p in (tmp_path / "activations").iterdir()] == ["k"]


def test_a_limit_that_is_no_number_is_said(monkeypatch):
    monkeypatch.setenv(activations.LIMIT_VARIABLE, "ten")
    with pytest.raises(StorageError, match=r"THAW_ACTIVATIONS_GB is 'ten'; set it to a number"):
        activations.make_room(1)


def test_the_entries_used_longest_ago_make_room(tmp_path):
    for age, key in enumerate(("new", "old", "older"), 1):
        entry(key)
        os.utime(tmp_path / "activations" / key, (1e9 - age, 1e9 - age))
    assert activations.get("older") is not None, "looking at it makes it the youngest"
    size = sum(f.stat().st_size for f in (tmp_path / "activations" / "new").iterdir())
    activations.make_room(size, limit=3 * size)
    assert {p.name for p in (tmp_path / "activations").iterdir()} == {"new", "older"}


def test_the_limit_comes_from_the_environment(tmp_path, monkeypatch):
    entry("first")
    monkeypatch.setenv("THAW_ACTIVATIONS_GB", str(400 / 2**30))
    entry("second")
    assert {p.name for p in (tmp_path / "activations").iterdir()} == {"second"}


def test_a_key_depends_on_everything():
    parts = (1, "images", "weights", ("cut",), "average", [], None, 0)
    keys = {activations.key_of(*parts[:i], "other", *parts[i + 1 :]) for i in range(len(parts))}
    assert len(keys | {activations.key_of(*parts)}) == len(parts) + 1


ON_A_FULL_DISK = """
import sys, numpy as np
from core.training import activations
from core.errors import StorageError
def entry(key, rows):
    return activations.get_or_compute(key, [(rows, 1024)], lambda: [[np.ones((rows, 1024), np.float32)]])
entry("old", 200), entry("young", 200)
entry("third", 300)
print(sorted(p.name for p in activations.paths.subdir("activations").iterdir()))
try:
    entry("large", 1000)
except StorageError as error:
    print(error)
print(sorted(p.name for p in activations.paths.subdir("activations").iterdir()))
"""


def test_a_full_disk_costs_the_oldest_entries_and_then_a_sentence_never_the_process(tmp_path):
    """Unless the space is claimed first, writing to a memory map on a full disk ends the process with SIGBUS."""
    command = with_small_disk([sys.executable, "-c", ON_A_FULL_DISK], tmp_path, kilobytes=2400)
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, (ended.returncode, ended.stderr)
    kept, refused, left = ended.stdout.splitlines()
    assert kept == "['third', 'young']", "800 kB each: the oldest makes room"
    assert "no room on disk for 3.9 MB" in refused
    assert left == kept, "what cannot be written costs nothing, and leaves nothing"


def test_there_is_room_for_what_fits_under_the_limit_beside_what_is_there(tmp_path, monkeypatch):
    entry = activations.get_or_compute("a" * 32, [(4, 8)], lambda: [[np.zeros((4, 8), np.float32)]])
    assert entry and activations.is_there("a" * 32) and not activations.is_there("b" * 32)
    used = sum(f.stat().st_size for f in (tmp_path / "activations" / ("a" * 32)).iterdir())
    monkeypatch.setenv(activations.LIMIT_VARIABLE, str((used + 1000) / 2**30))
    assert activations.has_room(1000) and not activations.has_room(1001)


def test_keys_are_those_of_content_whatever_its_order():
    assert activations.key_of({"a": 1, "b": 2}, 3) == activations.key_of({"b": 2, "a": 1}, 3)
    assert activations.key_of("a", "b") != activations.key_of("b", "a")
    assert len(activations.key_of()) == 32


def test_its_size_is_that_of_its_arrays():
    made = activations.get_or_compute(
        "k", [(256, 1024), (256, 512)], lambda: [[np.ones((256, 1024), np.float32), np.ones((256, 512), np.float32)]]
    )
    assert made.megabytes == 1.5
