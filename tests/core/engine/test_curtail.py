"""A trial is compared with the unchanged run beside it while it is made, and given up where it is hopeless."""

import numpy as np
import pytest

from core.diagnosis.report import Diagnosis
from core.engine import curtail
from core.evaluation import Evaluation, Predictions
from core.experiment import Experiment
from core.runs import RunStore
from core.runs.run import BASELINE, TRIAL_FOLDS

N = 240
GROUP = "trial-folds-abc"


def _answers(share: float) -> Predictions:
    right = np.arange(N) % 20 < 20 * share
    sure = np.where(right[:, None], [0.8, 0.2], [0.2, 0.8])
    return Predictions(np.zeros(N, int), sure, tuple(map(str, range(N))), np.arange(N))


def _first_fold(p: Predictions) -> Predictions:
    n = N // TRIAL_FOLDS
    return Predictions(p.labels[:n], p.probabilities[:n], p.names[:n], p.rows[:n])


@pytest.fixture
def store(tmp_path, monkeypatch) -> RunStore:
    monkeypatch.setenv("THAW_DATA_DIR", str(tmp_path))
    return RunStore()


def _trial(store: RunStore, name: str, seed: int = 101, share: float | None = None):
    x = Experiment()
    run_id = store.create(x.replace(training=x.training.replace(seed=seed)), name=name, group=GROUP)
    if share is not None:
        store.save_results(
            run_id, Evaluation(("a", "b"), {"validation": _answers(share)}), Diagnosis("good_fit", 1, ""), {}, {}
        )
        store.finish(run_id, "finished")
    return store.get(run_id)


def test_the_unchanged_run_is_never_given_up(store):
    assert curtail.rule(store, _trial(store, BASELINE)) is None


def test_nothing_is_given_up_before_there_is_something_to_compare_with(store):
    _trial(store, BASELINE)
    assert curtail.rule(store, _trial(store, "rate-up")) is None


def test_only_a_run_of_the_same_seed_is_compared_with(store):
    _trial(store, BASELINE, seed=202, share=0.7)
    assert curtail.rule(store, _trial(store, "rate-up", seed=101)) is None


@pytest.mark.parametrize(("share", "given_up"), [(0.5, True), (0.95, False)])
def test_what_harms_is_given_up_after_a_fold_and_what_helps_is_not(store, share, given_up):
    _trial(store, BASELINE, share=0.7)
    rule = curtail.rule(store, _trial(store, "rate-up"))
    assert rule is not None
    assert rule(_first_fold(_answers(share)), [N // TRIAL_FOLDS]) == given_up
