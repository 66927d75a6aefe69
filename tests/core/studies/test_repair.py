"""How far a repair is and why it ends, from the run store alone."""

import numpy as np
import pytest

from core.diagnosis.report import Diagnosis
from core.engine import Engine
from core.evaluation import Evaluation, Predictions
from core.experiment import Experiment, TrainingSpec
from core.runs import RunStore
from core.studies import repair, trials


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    """An engine whose workers are never asked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THAW_DATA_DIR", str(tmp_path_factory.mktemp("repairs")))
        patch.setenv("MLFLOW_TRACKING_URI", "")
        yield Engine(RunStore(), "tcp://127.0.0.1:9")


def finished(
    engine: Engine, verdict: str = "overfitting", group: str = "lab", *, name="", seed=0, right=30, **ended
) -> str:
    """Return a run that ended so, with so many of 40 validation images right."""
    n, sure = 40, np.array([0.9, 0.1], np.float32)
    answers = np.where(np.arange(n)[:, None] < right, sure, sure[::-1])
    seen = Predictions(np.zeros(n, int), answers, tuple(map(str, range(n))), np.arange(n))
    run_id = engine.store.create(Experiment(training=TrainingSpec(seed=seed)), name=name, group=group)
    engine.store.log_epochs(run_id, [{"epoch": 1, "loss": 1.0, "val_loss": 1.0}])
    engine.store.save_results(run_id, Evaluation(("a", "b"), {"validation": seen}), Diagnosis(verdict, 0.9, ""), {}, {})
    engine.store.finish(run_id, ended.pop("status", "finished"), **ended)
    return run_id


def begun(engine: Engine) -> str:
    """Return the root of a repair that was begun."""
    run_id = finished(engine)
    engine.store.set_tags(run_id, **{repair.FLAG: "on"})
    return run_id


def step(engine: Engine, root: str, verdict: str = "overfitting", **ended) -> str:
    return finished(engine, verdict, group=f"repair-{root}", **ended)


def test_nothing_happens_before_it_is_begun(engine):
    run_id = finished(engine)
    now = repair.look(engine.store, run_id)
    assert (now.status, [s.id for s in now.steps]) == ("idle", [run_id])
    assert repair.advance(engine, run_id).status == "idle"


def test_steps_come_in_the_order_they_were_made(engine):
    root = begun(engine)
    later = [step(engine, root) for _ in range(3)]
    assert [s.id for s in repair.look(engine.store, root).steps] == [root, *later]


def test_while_a_step_trains_it_waits(engine):
    root = begun(engine)
    engine.store.create(Experiment(), group=f"repair-{root}")
    assert repair.advance(engine, root).status == "training"


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ([{"verdict": "good_fit"}], "The model fits well now."),
        ([{"status": "failed", "error": "The disk is full."}], "The last step failed: The disk is full."),
        ([{}] * repair.MOST_STEPS, f"The budget of {repair.MOST_STEPS} steps is used."),
    ],
)
def test_it_ends_and_says_why(engine, steps, reason):
    root = begun(engine)
    for ended in steps:
        step(engine, root, **ended)
    now = repair.advance(engine, root)
    assert (now.status, now.reason) == ("ended", reason)
    assert repair.look(RunStore(engine.store.uri), root).reason == reason, "kept for whoever looks later"


def test_it_ends_where_none_of_the_remedies_helped(engine):
    root = begun(engine)
    for seed in (101, 202, 303):
        for name, right in ((trials.BASELINE, 30), ("early-stopping", 29)):
            finished(engine, group=f"trial-{root}", name=name, seed=seed, right=right)
    assert trials.results(engine.store, root).done.tolist() == [3]
    now = repair.advance(engine, root)
    assert now.status == "ended" and "None of the remedies" in now.reason


def test_stopped_stays_stopped(engine):
    root = begun(engine)
    step(engine, root)
    repair.stop(engine, root)
    now = repair.advance(engine, root)
    assert (now.status, now.reason) == ("ended", "It was stopped.")


def test_the_trials_of_each_step_have_the_budget_that_was_given(engine, monkeypatch):
    given = []
    monkeypatch.setattr(trials, "start", lambda _engine, _run, *, budget: given.append(budget) or ["a trial"])
    root = finished(engine)
    repair.start(engine, root, 60.0)
    step(engine, root)
    repair.advance(engine, root)
    assert given == [60.0, 60.0]
