"""The embedded cluster is started once, found again, and never confused with another process."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from core.engine import cluster, serving
from core.errors import EngineError
from core.training import processor
from core.training.allocator import KEEP_MEMORY

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def home(fresh_data_dir):
    yield fresh_data_dir
    cluster.stop()


def noted(**note: object) -> None:
    cluster.note().write_text(json.dumps(note))


def test_two_processes_that_ask_at_once_get_the_same_one(home):
    """As when two people open the first page: only one of them may start it."""
    ask = [sys.executable, "-c", "from core.engine import cluster; print(cluster.connection().address)"]
    both = [subprocess.Popen(ask, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = {process.communicate()[0].strip() for process in both}
    assert answers == {cluster.connection().address}
    cluster.stop()
    assert cluster._alive() is None and not cluster.note().exists()


def test_a_cluster_that_is_being_started_is_ended_too(home):
    """Otherwise it would come up after the end, and stay."""
    asking = threading.Thread(target=cluster.connection)
    asking.start()
    while not (home / "cache" / "cluster.log").exists():  # the process has been started and has not answered yet
        assert asking.is_alive() or cluster.note().exists()
    cluster.stop()
    asking.join()
    assert cluster._alive() is None and not cluster.note().exists()


@pytest.mark.parametrize(
    "note",
    [
        pytest.param({"pid": os.getpid(), "address": "tcp://127.0.0.1:1"}, id="another program has its number now"),
        pytest.param({"pid": 2**22 + 1, "address": "tcp://127.0.0.1:1"}, id="it died"),
        pytest.param({"address": "tcp://127.0.0.1:1"}, id="half a note"),
    ],
)
def test_a_note_left_behind_is_not_believed(note):
    noted(**note)
    assert cluster._alive() is None
    cluster.stop()  # and ends nobody: this process goes on


def test_a_process_that_cannot_start_is_said_with_its_log(home, monkeypatch, tmp_path):
    monkeypatch.setattr(cluster.sys, "executable", "/bin/false")
    with pytest.raises(EngineError, match=r"did not start: it gave no reason.*cluster\.log"):
        cluster.connection()


def test_a_wrong_number_of_workers_is_said_on_the_page(home, monkeypatch):
    monkeypatch.setenv("THAW_WORKERS", "many")
    with pytest.raises(EngineError, match="THAW_WORKERS is 'many'; set it to a number of workers from 1 to 64"):
        cluster.connection()


@pytest.mark.parametrize(("asked", "niceness"), [(None, serving.NICENESS), ("0", 0), ("3", 3)])
def test_training_yields_the_processors_as_far_as_it_is_told(asked, niceness, monkeypatch):
    monkeypatch.delenv(serving.NICENESS_VARIABLE, raising=False)
    if asked:
        monkeypatch.setenv(serving.NICENESS_VARIABLE, asked)
    assert serving.niceness() == niceness


@pytest.mark.parametrize("asked", ["much", "-1", "20", "1.5"])
def test_a_niceness_that_is_none_is_said(asked, monkeypatch):
    monkeypatch.setenv(serving.NICENESS_VARIABLE, asked)
    with pytest.raises(SystemExit, match=f"THAW_NICENESS is '{asked}'; set it to a whole number from 0 to 19"):
        serving.niceness()


def test_workers_begin_with_the_settings_that_make_training_fast():
    environment = serving.CONFIG["distributed.nanny.pre-spawn-environ"]
    assert {**KEEP_MEMORY, **processor.settings()}.items() <= environment.items()


@pytest.mark.skipif(os.name == "nt", reason="there a process that has ended is gone")
def test_ending_does_not_wait_for_a_process_that_has_ended_and_was_not_yet_taken_note_of(home):
    """As a cluster that a notebook started: its parent lives on and need not ask."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    process = cluster.psutil.Process(child.pid)
    while process.status() != cluster.psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert not cluster._lives(process)
    child.wait()
    assert not cluster._lives(process)
    assert cluster._lives(cluster.psutil.Process())
