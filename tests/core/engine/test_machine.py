"""A machine is used whole: as many workers as pay, each with its share."""

import pytest

from core.engine import machine
from core.errors import EngineError

GB = 10**9


@pytest.mark.parametrize(
    ("cores", "gigabytes", "workers"),
    [(1, 2, 1), (2, 24, 1), (7, 64, 1), (8, 64, 2), (32, 64, 8), (32, 13, 4), (32, 1, 1)],
)
def test_as_many_workers_as_cores_and_memory_are_for(cores, gigabytes, workers):
    assert machine.number(cores, gigabytes * GB) == workers


def test_one_worker_has_the_machine():
    assert machine.divided(1, 8, 6 * GB, []) == [machine.Share(6 * GB)]
    assert machine.divided(1, 8, 64 * GB, []) == [machine.Share(8 * GB)], "one that grows without end is ended in time"


def test_several_share_cores_and_memory():
    shares = machine.divided(4, 16, 20 * GB, [])
    assert {share.memory for share in shares} == {5 * GB}
    assert {share.environment["TF_NUM_INTRAOP_THREADS"] for share in shares} == {"4"}


def test_each_gpu_has_its_worker():
    shares = machine.divided(2, 16, 64 * GB, ["0", "3"])
    assert [share.environment["CUDA_VISIBLE_DEVICES"] for share in shares] == ["0", "3"]


def test_the_environment_says_which_gpus_there_are(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,GPU-ab,-1")
    assert machine.visible_gpus() == ["1", "GPU-ab"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert machine.visible_gpus() == []
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setenv("PATH", "")
    assert machine.visible_gpus() == []


def test_who_runs_it_says_how_many(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv(machine.WORKERS_VARIABLE, "3")
    assert len(machine.shares()) == 3
    for wrong in ("many", "0", "-2", "65"):
        monkeypatch.setenv(machine.WORKERS_VARIABLE, wrong)
        with pytest.raises(EngineError, match=f"THAW_WORKERS is '{wrong}'"):
            machine.shares()
