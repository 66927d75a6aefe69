"""A process that trains begins with settings that let it keep its memory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.training.allocator import KEEP_MEMORY

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the settings are glibc's")

MODULE = """
import os, sys
from core.training.allocator import restart_keeping_memory
print("begun", *sys.argv[1:], flush=True)
restart_keeping_memory("begins_again")
print("goes on", *sys.argv[1:], os.environ["MALLOC_MMAP_MAX_"], os.environ["MALLOC_TRIM_THRESHOLD_"])
"""


def run(folder: Path, **settings: str) -> list[str]:
    (folder / "begins_again.py").write_text(MODULE)
    root = Path(__file__).resolve().parents[3]
    environment = {k: v for k, v in os.environ.items() if k not in KEEP_MEMORY}
    environment |= {"PYTHONPATH": os.pathsep.join(map(str, (root, folder))), **settings}
    command = [sys.executable, "-m", "begins_again", "--seeds", "5"]
    made = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=True)
    return made.stdout.splitlines()


def test_a_process_begins_again_once_with_the_settings_and_the_same_arguments(tmp_path):
    assert run(tmp_path) == ["begun --seeds 5", "begun --seeds 5", "goes on --seeds 5 0 1073741824"]


def test_a_process_that_has_them_goes_on(tmp_path):
    assert run(tmp_path, **KEEP_MEMORY) == ["begun --seeds 5", "goes on --seeds 5 0 1073741824"]
