"""Make sure, carried out as a worker does, in this process."""

import pytest

from core.engine.execute import execute
from core.experiment import BackboneSpec, DataSpec, DrawnDials, Experiment, TrainingSpec
from core.runs import RunStore
from core.studies import folds


class Here:
    """Carries runs out at once, without a worker of its own."""

    def __init__(self, store: RunStore):
        self.store = store

    def submit(self, experiment: Experiment, **about: str) -> str:
        run_id = self.store.create(experiment, **about)
        assert execute(run_id, self.store.uri) == "finished", self.store.get(run_id).error
        return run_id


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run of 24 training and 8 validation images, and what was made sure of it."""
    images = DataSpec(source="drawn:shapes", drawn=DrawnDials(n_images=40, n_classes=2, difficulty=0.2))
    x = Experiment(data=images, backbone=BackboneSpec(alpha=0.35, size=96), training=TrainingSpec(epochs=3))
    own = tmp_path_factory.mktemp("store") / "mlflow.db"  # workers of other tests take what is queued in the session's
    here = Here(RunStore(f"sqlite:///{own}"))
    run = here.submit(x, name="to be made sure")
    before = here.store.diagnosis(run)
    again = folds.start(here, run)
    return here.store, run, before, again, folds.start(here, run)


def test_all_training_and_validation_images_are_judged(made):
    store, run, _, _, _ = made
    found = folds.result(store, run)
    assert found.images == 32
    assert found.low <= found.accuracy <= found.high
    assert found.gap_low <= found.gap <= found.gap_high
    assert len(found.curves["val_accuracy"]) == found.folds == 4
    assert 1 <= found.best_epoch <= 3


def test_the_run_has_the_new_verdict_and_its_own_predictions(made):
    store, run, before, _, _ = made
    assert before.verdict == "inconclusive", "eight validation images tell nothing"
    assert store.diagnosis(run) == folds.result(store, run).diagnosis
    assert store.get(run).verdict == store.diagnosis(run).verdict
    assert len(store.evaluation(run).splits["validation"].labels) == 8


def test_it_is_done_once_and_leaves_no_model(made):
    store, _, _, again, second = made
    assert second == again
    assert store.model_path(again) is None
    assert set(store.evaluation(again).splits) == {"train", "validation"}
