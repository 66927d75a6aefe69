"""A data directory of an older version opens as before.

``data-0.1.0.zip`` was written by version 0.1.0 (the commit before ``core`` had rooms): two runs of handwritten digits, 36 to train on, 96 pixels, alpha 0.35,
3 epochs, all frozen and the last 4 layers thawed; the store as SQL with ``DATA`` for the folder, and the runs' files without their models.
"""

import sqlite3
import zipfile
from pathlib import Path

import pytest

from core.experiment import Experiment, FreezeSpec
from core.runs import RunStore
from core.training import costs

MADE_BY = ("0.1.0",)


@pytest.fixture(scope="module", params=MADE_BY)
def store(request, tmp_path_factory):
    home = tmp_path_factory.mktemp("old")
    with zipfile.ZipFile(Path(__file__).parent / f"data-{request.param}.zip") as archive:
        archive.extractall(home)
    script = (home / "runs" / "mlflow.sql").read_text().replace("file://DATA", home.as_uri())
    with sqlite3.connect(home / "runs" / "mlflow.db") as database:
        database.executescript(script)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THAW_DATA_DIR", str(home))
        patch.setenv("MLFLOW_TRACKING_URI", "")
        yield RunStore()


def test_its_runs_are_there_with_names_notes_and_who_came_before(store):
    thawed, frozen = store.list()
    assert (frozen.name, thawed.name) == ("all frozen", "last 4")
    assert (frozen.status, thawed.status, thawed.group) == ("finished", "finished", "lab")
    assert thawed.baseline_id == frozen.id and thawed.note == "a note from the version before"
    assert frozen.created and frozen.verdict == "underfitting"


def test_what_was_to_be_done_reads_as_it_was_meant(store):
    thawed, frozen = store.list()
    assert frozen.experiment.replace(freeze=FreezeSpec.last(4)) == thawed.experiment
    assert frozen.experiment.data.source == "builtin:digits" and frozen.experiment.training.epochs == 3
    for run in (thawed, frozen):
        [file] = Path(store.client.download_artifacts(run.id, "")).glob("experiment.json")
        assert Experiment.from_json(file.read_text()) == run.experiment


def test_curves_answers_and_verdict_are_kept(store):
    for run in store.list():
        curves, evaluation, diagnosis = store.curves(run.id), store.evaluation(run.id), store.diagnosis(run.id)
        assert curves.epoch.tolist() == [1, 2, 3]
        assert curves[["loss", "clean_loss", "val_loss"]].notna().all().all()
        assert {name: len(p.labels) for name, p in evaluation.splits.items()} == {
            "train": 36, "validation": 106, "test": 107,
        }  # fmt: skip
        assert diagnosis.verdict == run.verdict and diagnosis.findings[0].code == "stopped-too-early"
        assert type(diagnosis).from_dict(diagnosis.to_dict()) == diagnosis
        measured = store.measured(run.id)
        assert measured["probes"]["n_train"] == 36 and measured["frontier"]["images_computed"] > 0


def test_it_can_be_written_on(store):
    run = store.list()[0]
    store.set_note(run.id, "read again")
    again = store.create(run.experiment, name="again", baseline_id=run.id)
    assert store.get(run.id).note == "read again" and store.get(again).baseline_id == run.id


def test_what_was_learnt_of_the_machine_is_used(store):
    assert costs.rates() != costs.Rates()
