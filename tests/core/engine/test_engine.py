"""Real schedulers and workers: runs end well, are stopped, are killed, and lose nothing."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from core.engine import Engine, cluster
from core.errors import EngineError
from core.experiment import BackboneSpec, DataSpec, DrawnDials, Experiment, FreezeSpec, HeadSpec, TrainingSpec
from core.runs import Run, RunStore

ROOT = Path(__file__).resolve().parents[3]
LONG = 400


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("engine")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THAW_DATA_DIR", str(folder))
        patch.setenv("MLFLOW_TRACKING_URI", "")
        patch.setenv("THAW_SCHEDULER", "")
        yield folder


@pytest.fixture(scope="module")
def engine(home):
    made = Engine(RunStore())
    yield made
    made.close()
    cluster.stop()


def experiment(epochs: int = 3, **training) -> Experiment:
    return Experiment(
        data=DataSpec(source="drawn:shapes", drawn=DrawnDials(n_images=40, n_classes=2)),
        backbone=BackboneSpec(alpha=0.35, size=96, weights="random"),
        freeze=FreezeSpec.last(4, lock_batchnorm=False),
        head=HeadSpec(layers=()),
        training=TrainingSpec(epochs=epochs, batch_size=8, **training),
    )


def until(engine: Engine, run_id: str, condition: Callable[[Run], bool], seconds: float = 120) -> Run:
    """Poll the store as the page does."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition(run := engine.store.get(run_id)):
            return run
        time.sleep(0.2)
    raise AssertionError(f"still {run.status}, {run.progress}")


def has_curves(engine: Engine, n: int = 2) -> Callable[[Run], bool]:
    return lambda run: len(engine.store.curves(run.id)) >= n


def worker_of(engine: Engine, run_id: str) -> int:
    """Return the process that trains a run."""
    [address] = [w for w, keys in engine.client.processing().items() if f"run-{run_id}" in keys]
    return engine.client.run(os.getpid, workers=[address])[address]


def test_a_run_is_carried_out_and_survives_a_new_store(engine):
    run_id = engine.submit(experiment(), name="first", group="tests")
    assert engine.wait(run_id) == "finished", engine.store.get(run_id)
    store = RunStore()
    run, curves = store.get(run_id), store.curves(run_id)
    assert (run.name, run.group, run.experiment) == ("first", "tests", experiment())
    assert curves.epoch.tolist() == [1, 2, 3]
    assert curves[["loss", "val_loss", "clean_loss", "accuracy", "val_accuracy"]].notna().all().all()
    assert set(store.evaluation(run_id).splits) == {"train", "validation", "test"}
    assert store.diagnosis(run_id).verdict == run.verdict
    assert store.measured(run_id)["frontier"]["images_computed"] > 0


def test_runs_take_turns_also_where_they_are_sent_before_the_worker_is_there(engine, monkeypatch):
    monkeypatch.setattr(engine.client, "scheduler_info", lambda **_: {"workers": {}})
    assert engine._resources(engine.client) == {"train": 1}


def test_what_is_known_is_used_again(engine):
    first = engine.submit(experiment(seed=1))
    again = engine.submit(experiment(seed=1, learning_rate=1e-2))
    assert engine.wait(first) == engine.wait(again) == "finished"
    assert engine.store.measured(again)["frontier"]["reused"]


def test_stop_keeps_the_curves_and_the_results(engine):
    run_id = engine.submit(experiment(LONG))
    until(engine, run_id, has_curves(engine))
    engine.stop(run_id)
    assert engine.wait(run_id) == "stopped"
    assert 2 <= len(engine.store.curves(run_id)) < LONG
    assert engine.store.diagnosis(run_id) is not None


def test_a_run_that_waits_is_stopped_before_it_begins(engine):
    first, waiting = engine.submit(experiment(LONG)), engine.submit(experiment())
    engine.stop(waiting)
    assert engine.wait(waiting) == "stopped"
    assert engine.store.curves(waiting).empty
    assert until(engine, first, has_curves(engine)).status in {"running", "finished"}, "the other one goes on"
    engine.stop(first)
    assert engine.wait(first) in {"stopped", "finished"}, "a quick machine may be done before the stop"


def test_a_run_on_its_way_to_a_busy_scheduler_is_not_taken_for_lost(engine):
    run_id = engine.store.create(experiment())  # in the store already, not yet with the scheduler
    assert engine.reconcile() == []
    assert engine.store.get(run_id).active
    assert engine.reconcile(patience=0) == [run_id]
    assert engine.store.get(run_id).status == "failed"


def test_a_killed_worker_fails_its_run_with_the_reason_and_the_next_one_works(engine):
    run_id = engine.submit(experiment(LONG))
    until(engine, run_id, has_curves(engine))
    os.kill(worker_of(engine, run_id), signal.SIGKILL)
    assert engine.wait(run_id) == "failed"
    run = engine.store.get(run_id)
    assert "died" in run.error and "kept" in run.error
    assert len(engine.store.curves(run_id)) >= 2
    assert engine.wait(engine.submit(experiment())) == "finished"


def test_another_server_process_finds_the_same_cluster(engine):
    code = "from core.engine import Engine; from core.runs import RunStore; print(Engine(RunStore()).client.scheduler.address)"
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    assert out.strip() == engine.client.scheduler.address


def test_bad_input_ends_with_a_sentence(engine):
    bad = experiment().replace(backbone=BackboneSpec(alpha=0.5, size=96, weights="builtin"))
    run_id = engine.submit(bad)
    assert engine.wait(run_id) == "failed"
    assert "alpha 0.5" in engine.store.get(run_id).error


def test_no_scheduler_is_said_with_what_to_do(home):
    engine = Engine(RunStore(), "tcp://127.0.0.1:9")
    with pytest.raises(EngineError, match="THAW_SCHEDULER"):
        engine.submit(experiment())
    assert engine.state().status == "unreachable"


@pytest.fixture(scope="module")
def outside(home, tmp_path_factory):
    """A scheduler and two workers that somebody else started, found through THAW_SCHEDULER."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    base = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard"]
    settings = {
        "cwd": ROOT,
        "env": {**os.environ, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0", "PYTHONPATH": str(ROOT)},
        "stderr": subprocess.DEVNULL,
    }
    processes = [subprocess.Popen([*base, "--host", address, "--no-dashboard"], **settings)]
    for _ in range(2):
        local = str(tmp_path_factory.mktemp("dask"))
        processes.append(subprocess.Popen([*worker, "--no-nanny", "--local-directory", local], **settings))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THAW_SCHEDULER", address)
        made = Engine(RunStore())
        while made.state().workers < 2:
            time.sleep(0.1)
        yield made
        made.close()
    for process in processes:
        process.kill()
        process.wait()


def test_two_outside_workers_train_at_once_and_a_kill_loses_only_its_run(outside):
    doomed, spared = outside.submit(experiment(LONG, seed=1)), outside.submit(experiment(LONG, seed=2))
    for run_id in (doomed, spared):
        until(outside, run_id, has_curves(outside))
    assert all(outside.store.get(r).status == "running" for r in (doomed, spared))
    os.kill(worker_of(outside, doomed), signal.SIGKILL)
    assert outside.wait(doomed) == "failed"
    assert len(outside.store.curves(doomed)) >= 2
    assert outside.store.get(spared).status == "running"
    outside.stop(spared)
    assert outside.wait(spared) == "stopped"
