"""Real schedulers and workers: runs end well, are stopped, are killed, and lose nothing."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.engine import Engine, cluster, link
from core.errors import EngineError
from core.experiment import BackboneSpec, DataSpec, DrawnDials, Experiment, FreezeSpec, HeadSpec, TrainingSpec
from core.runs import Run, RunStore

ROOT = Path(__file__).resolve().parents[3]
LONG = 500


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
        data=DataSpec(source="drawn:shapes", drawn=DrawnDials(n_images=200 if epochs == LONG else 40, n_classes=2)),
        backbone=BackboneSpec(alpha=0.35, size=96, weights="random"),
        freeze=FreezeSpec.last(4, lock_batchnorm=False),
        head=HeadSpec(layers=()),
        training=TrainingSpec(epochs=epochs, batch_size=8, **training),
    )


def until(engine: Engine, run_id: str, condition: Callable[[Run], bool], seconds: float = 240) -> Run:
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
    address = engine.link.glance().runs[run_id]
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


def test_a_run_that_waits_is_stopped_at_once(engine):
    first, waiting = engine.submit(experiment(LONG)), engine.submit(experiment())
    until(engine, first, has_curves(engine))
    engine.stop(waiting)
    assert engine.store.get(waiting).status == "stopped", "before the worker is free"
    assert engine.store.get(first).status == "running", "the other one goes on"
    engine.stop(first)
    assert engine.wait(first) == "stopped"
    assert engine.store.curves(waiting).empty


def test_a_killed_worker_costs_the_run_in_hand_and_no_other(engine):
    doomed = engine.submit(experiment(LONG))
    others = [engine.submit(experiment(seed=seed)) for seed in (1, 2)]
    until(engine, doomed, has_curves(engine))
    os.kill(worker_of(engine, doomed), signal.SIGKILL)
    assert engine.wait(doomed) == "failed"
    run = engine.store.get(doomed)
    assert "died" in run.error and "kept" in run.error
    curves = engine.store.curves(doomed)
    assert len(curves) >= 2
    assert [engine.wait(run_id) for run_id in others] == ["finished", "finished"]
    assert len(engine.store.curves(doomed)) == len(curves), "it was not begun again"


def test_a_run_that_was_queued_while_nobody_listened_is_carried_out(engine):
    assert engine.wait(engine.store.create(experiment())) == "finished"


def test_what_has_begun_or_ended_never_begins_again(engine):
    from core.engine.execute import execute

    for status in ("failed", "stopped", "finished"):
        run_id = engine.store.create(experiment())
        engine.store.finish(run_id, status)
        assert engine.call(execute, run_id, engine.store.uri) == "refused"
        assert engine.store.get(run_id).status == status
    begun = engine.submit(experiment(LONG))
    until(engine, begun, has_curves(engine))
    assert engine.call(execute, begun, engine.store.uri) == "refused"
    engine.stop(begun)
    assert engine.wait(begun) == "stopped"


def test_another_server_process_finds_the_same_cluster(engine):
    code = "from core.engine import Engine; from core.runs import RunStore; print(Engine(RunStore()).client.scheduler.address)"
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    assert out.strip() == engine.client.scheduler.address


def test_bad_input_ends_with_a_sentence(engine):
    bad = experiment().replace(backbone=BackboneSpec(alpha=0.5, size=96, weights="builtin"))
    run_id = engine.submit(bad)
    assert engine.wait(run_id) == "failed"
    assert "alpha 0.5" in engine.store.get(run_id).error


def test_an_error_that_only_a_library_knows_comes_back_in_words(engine):
    with pytest.raises(EngineError, match=r"could not compute this \(LinAlgError: Singular matrix\)"):
        engine.call(np.linalg.inv, [[0.0, 0.0], [0.0, 0.0]])
    with pytest.raises(FileNotFoundError):
        engine.call(os.stat, "/no/such/file")
    assert engine.call(len, [1, 2]) == 2


def test_without_a_scheduler_a_run_waits_and_it_is_said_what_to_do(home, monkeypatch):
    monkeypatch.setattr(link, "CONNECT_SECONDS", 2.0)
    store = RunStore(f"sqlite:///{home / 'nobody.db'}")
    engine = Engine(store, "tcp://127.0.0.1:9")
    run_id = engine.submit(experiment())
    while (state := engine.state()).status != "unreachable":
        time.sleep(0.05)
    assert "THAW_SCHEDULER" in state.text and "go on by themselves" in state.text
    with pytest.raises(EngineError, match="THAW_SCHEDULER"):
        engine.call(len, ())
    assert store.get(run_id).status == "queued"
    engine.stop(run_id)
    assert store.get(run_id).status == "stopped"
    engine.close()


@pytest.fixture(scope="module")
def outside(home, tmp_path_factory):
    """A scheduler and two workers that somebody else started, found through THAW_SCHEDULER."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    base = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    worker = [
        sys.executable,
        "-m",
        "distributed.cli.dask_worker",
        address,
        "--nthreads",
        "1",
        "--no-dashboard",
        "--host",
        "127.0.0.1",
    ]
    settings = {
        "cwd": ROOT,
        "env": {**os.environ, "PYTHONPATH": str(ROOT)},  # with Dask's own settings, which begin a lost task again
        "stderr": subprocess.DEVNULL,
    }
    processes = [subprocess.Popen([*base, "--host", address, "--no-dashboard"], **settings)]
    for _ in range(2):
        local = str(tmp_path_factory.mktemp("dask"))
        processes.append(subprocess.Popen([*worker, "--no-nanny", "--local-directory", local], **settings))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THAW_SCHEDULER", address)
        # A store of its own: the workers that other tests share take what waits in theirs.
        made = Engine(RunStore(f"sqlite:///{home / 'outside.db'}"))
        while made.state().workers < 2:
            time.sleep(0.05)
        yield made
        made.close()
    for process in processes:
        process.kill()
        process.wait()


def test_two_outside_workers_train_at_once_and_a_kill_loses_only_its_run(outside):
    doomed, spared = outside.submit(experiment(LONG, seed=1)), outside.submit(experiment(LONG, seed=2))
    third = outside.submit(experiment(seed=3))
    for run_id in (doomed, spared):
        until(outside, run_id, has_curves(outside))
    assert all(outside.store.get(r).status == "running" for r in (doomed, spared))
    os.kill(worker_of(outside, doomed), signal.SIGKILL)
    assert outside.wait(doomed) == "failed"
    assert len(outside.store.curves(doomed)) >= 2
    assert outside.store.get(spared).status == "running"
    assert outside.store.get(third).status == "queued"
    outside.stop(spared)
    assert outside.wait(spared) == "stopped"
    assert outside.wait(third) == "finished"
    assert outside.store.curves(doomed).epoch.is_unique and outside.store.get(doomed).status == "failed"
