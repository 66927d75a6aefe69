"""The store keeps what a run says about itself, and gives it back."""

import nturl2path
import threading

import numpy as np
import pandas as pd
import pytest

from core.diagnosis import diagnose_history
from core.errors import RunError
from core.evaluation import Evaluation, Predictions
from core.experiment import Experiment
from core.runs import RunProgress, RunRecorder, RunStore
from core.runs import store as store_module

ROW = {"epoch": 1, "loss": 1.5, "val_loss": 1.25, "accuracy": 0.5}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THAW_DATA_DIR", str(tmp_path_factory.mktemp("runs")))
        patch.setenv("MLFLOW_TRACKING_URI", "")
        yield RunStore()


def test_a_new_run_waits(store):
    run = store.get(store.create(Experiment(), name="mine", group="g", baseline_id="b"))
    assert (run.status, run.active, run.name, run.group, run.baseline_id) == ("queued", True, "mine", "g", "b")
    assert run.experiment == Experiment()
    assert run.progress == RunProgress()
    assert store.curves(run.id).empty


def test_curves_come_back_as_they_were_written(store):
    run_id = store.create(Experiment())
    rows = [ROW, {**ROW, "epoch": 2, "loss": float("inf"), "val_loss": float("nan")}]
    store.log_epochs(run_id, rows)
    pd.testing.assert_frame_equal(
        store.curves(run_id)[list(ROW)].astype(float), pd.DataFrame(rows).astype(float), check_like=True
    )


def test_rename_note_and_delete(store):
    run_id = store.create(Experiment(), group="changing")
    store.rename(run_id, "better name")
    store.set_note(run_id, "a note\nof two lines")
    assert (store.get(run_id).name, store.get(run_id).note) == ("better name", "a note\nof two lines")
    assert [r.id for r in RunStore(store.uri).list("changing")] == [run_id]
    store.delete(run_id)
    assert store.list("changing") == []
    with pytest.raises(RunError, match="deleted"):
        store.get(run_id)
    with pytest.raises(RunError, match="no run"):
        store.get("nonsense")


def test_results_come_back(store, tmp_path):
    run_id = store.create(Experiment())
    seen = Predictions(np.array([0, 1]), np.eye(2, dtype=np.float32), ("a", "b"), np.array([4, 7]))
    verdict = diagnose_history(pd.DataFrame([{**ROW, "epoch": e, "val_accuracy": 0.5} for e in range(1, 9)]))
    assert store.evaluation(run_id) is store.diagnosis(run_id) is store.model_path(run_id) is None
    store.save_results(run_id, Evaluation(("x", "y"), {"validation": seen}), verdict, {"n": 1}, {"text": "t"})
    store.finish(run_id, "finished", message="well")
    run = store.get(run_id)
    assert (run.status, run.message, run.verdict, run.active) == ("finished", "well", verdict.verdict, False)
    assert run.metrics["final_validation_accuracy"] == 1.0
    assert store.evaluation(run_id).splits["validation"].names == ("a", "b")
    assert store.diagnosis(run_id) == verdict
    assert store.measured(run_id) == {"probes": {"n": 1}, "frontier": {"text": "t"}}
    assert list(store.curves(run_id)) == ["epoch"], "final figures are no curve"


def test_the_recorder_writes_everything_and_hears_a_stop(store):
    run_id = store.create(Experiment())
    heard = threading.Event()
    with RunRecorder(store, run_id) as recorder:
        recorder.phase("training", detail="why")
        for epoch in range(1, 30):
            recorder.epoch({**ROW, "epoch": epoch})
        recorder.progress(epoch=29, epochs=29, batch=5, batches=10, seconds_left=1.0)
        assert not recorder.stop_requested()
        store.request_stop(run_id)
        while not recorder.stop_requested():
            assert not heard.wait(0.01)
    assert store.curves(run_id).epoch.tolist() == list(range(1, 30))
    assert store.get(run_id).progress == RunProgress("training", "why", 29, 29, 5, 10, 1.0)


class Unsteady(RunStore):
    """A real store that cannot be reached at first."""

    failures = 3

    def log_epochs(self, run_id, rows):
        if self.failures:
            self.failures -= 1
            raise ConnectionError("no route to the tracking server")
        super().log_epochs(run_id, rows)


def test_a_store_that_does_not_answer_for_a_while_loses_nothing(store):
    unsteady = Unsteady(store.uri)
    run_id = unsteady.create(Experiment())
    with RunRecorder(unsteady, run_id) as recorder:
        recorder.epoch(ROW)
        while unsteady.failures:
            threading.Event().wait(0.01)
        recorder.epoch({**ROW, "epoch": 2})
    assert store.curves(run_id).epoch.tolist() == [1, 2]


def test_a_deleted_run_stops_its_training(store):
    run_id = store.create(Experiment())
    with RunRecorder(store, run_id) as recorder:
        store.delete(run_id)
        while not recorder.stop_requested():
            threading.Event().wait(0.01)


def test_active_runs_are_those_that_wait_or_train(fresh_data_dir):
    store = RunStore()
    waiting, training, ended = (store.create(Experiment()) for _ in range(3))
    store.set_tags(training, status="running")
    store.finish(ended, "finished")
    assert {r.id for r in store.active()} == {waiting, training}


def test_addresses_of_files_are_paths_on_each_system(monkeypatch):
    assert store_module.local_path("file:///home/a%20b/c").as_posix() == "/home/a b/c"
    monkeypatch.setattr(store_module, "url2pathname", nturl2path.url2pathname)
    assert str(store_module.local_path("file:///C:/Users/a%20b")) == r"C:\Users\a b"


@pytest.mark.parametrize(
    ("epoch", "batch", "share"), [(0, 0, 0.0), (1, 0, 0.0), (1, 5, 0.125), (2, 0, 0.25), (4, 10, 1.0), (5, 10, 1.0)]
)
def test_the_share_that_is_done_counts_whole_epochs_and_batches_of_this_one(
    epoch: int, batch: int, share: float
) -> None:
    assert RunProgress(epoch=epoch, epochs=4, batch=batch, batches=10).share == share
