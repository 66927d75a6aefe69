"""Memory of mapped files is given back, and nothing that was written is lost."""

from pathlib import Path

import numpy as np
import pytest

from core import mapped


def resident() -> float:
    """Return the megabytes of mapped files that this process holds."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines["RssFile"].split()[0]) / 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux says what is resident")
def test_what_was_written_is_kept_and_the_memory_is_not(tmp_path):
    shape = (200, 64, 64, 128)  # 105 MB
    out = np.lib.format.open_memmap(tmp_path / "a.npy", "w+", np.uint8, shape)
    out[:] = np.arange(200, dtype=np.uint8)[:, None, None, None]
    held = resident()
    mapped.release(out)
    assert resident() < held - 90
    assert (out[:, 3, 5, 7] == np.arange(200)).all()
    out.flush()
    read = np.load(tmp_path / "a.npy", mmap_mode="r")
    assert int(read.sum(dtype=np.int64)) == sum(range(200)) * 64 * 64 * 128
    held = resident()
    mapped.release(read)
    assert resident() < held - 90
    assert read[199, 63, 63, 127] == 199


def test_other_arrays_are_left_as_they_are():
    array = np.arange(3)
    mapped.release(array)
    assert array.tolist() == [0, 1, 2]
