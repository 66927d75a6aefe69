"""What helps: the table of trials says of each remedy what its trials showed, and the button goes on where they ended."""

import numpy as np
import pytest

from core.diagnosis.report import Diagnosis
from core.evaluation import Evaluation, Predictions
from core.runs import RunStore
from core.studies import trials

N = 200


def _predictions(wrong: range, sure: float) -> Predictions:
    """Predictions of two classes, all right but ``wrong``."""
    right = ~np.isin(np.arange(N), wrong)
    answers = np.where(right[:, None], [sure, 1 - sure], [0.45, 0.55])
    return Predictions(np.zeros(N, int), answers, tuple(map(str, range(N))), np.arange(N))


@pytest.fixture
def tried(finished_runs):
    """A trained run with trials: one remedy that made more answers right, one that only made them surer, one that did nothing."""
    store, root = RunStore(), finished_runs[1]
    experiment = store.get(root).experiment
    answers = {
        trials.BASELINE: _predictions(range(80), 0.6),
        "rate-up": _predictions(range(10), 0.9),
        "less-dropout": _predictions(range(2, 81), 0.95),
        "thaw-more": _predictions(range(80), 0.6),
    }
    made = []
    for seed in (101, 202, 303):
        for name, seen in answers.items():
            x = experiment.replace(training=experiment.training.replace(seed=seed))
            made.append(store.create(x, name=name, group=f"trial-{root}", status="running"))
            store.save_results(
                made[-1], Evaluation(("a", "b"), {"validation": seen}), Diagnosis("good_fit", 1, ""), {}, {}
            )
            store.finish(made[-1], "finished")
    yield root
    for run_id in made:
        store.delete(run_id)


@pytest.fixture
def tried_on_folds(finished_runs):
    """A trained run with trials on three folds, one of which was given up after the first."""
    store, root, third = RunStore(), finished_runs[1], N // 3
    x = store.get(root).experiment.seeded(101)
    made = []
    for name, seen, folds in (
        (trials.BASELINE, _predictions(range(80), 0.6), 3),
        ("rate-up", _predictions(range(10), 0.9), 3),
        ("thaw-more", _predictions(range(90), 0.6), 1),
    ):
        n = folds * third
        part = Predictions(seen.labels[:n], seen.probabilities[:n], seen.names[:n], seen.rows[:n])
        made.append(store.create(x, name=name, group=f"trial-folds-{root}", status="running"))
        probes = {"fold_sizes": [third] * folds, "given_up": folds < 3}
        store.save_results(
            made[-1], Evaluation(("a", "b"), {"validation": part}), Diagnosis("good_fit", 1, ""), probes, {}
        )
        store.finish(made[-1], "finished")
    with_design = pytest.MonkeyPatch()
    with_design.setattr(trials, "design_of", lambda *_: trials.ON_FOLDS)
    yield root
    with_design.undo()
    for run_id in made:
        store.delete(run_id)


def _open(app, run_id: str):
    app.query_params["run"] = run_id
    app.switch_page("pages/lab.py").run()
    assert not app.exception, app.exception
    return app


def test_each_remedy_is_called_what_its_trials_showed(app, tried):
    page = _open(app, tried)
    said = [m.value for m in page.markdown]
    effects = [s for s in said if "3 models ·" in s]
    assert ["green-badge[recommended]" in e for e in effects] == [True, False, False], "the most helpful first"
    assert ["blue-badge[lower loss only]" in e for e in effects] == [False, True, False]
    assert "accuracy **+35.0 points**" in effects[0]
    applied = {b.key: b.proto.type for b in page.button if b.key and b.key.startswith("apply_")}
    assert applied["apply_rate-up"] == "primary"
    assert applied["apply_less-dropout"] == applied["apply_thaw-more"] == "secondary"


@pytest.mark.parametrize(("last", "label"), [("finished", "Try once more"), ("stopped", "Finish the trials")])
def test_the_button_goes_on_where_the_trials_ended(app, tried, last, label):
    store = RunStore()
    one = next(r for r in store.list(group=f"trial-{tried}") if r.name == "thaw-more")
    store.set_tags(one.id, status=last)
    page = _open(app, tried)
    assert page.button(key="find_what_helps").label == label


def test_the_budget_is_there_before_anything_is_tried(app, finished_runs):
    page = _open(app, finished_runs[0])
    assert page.button(key="find_what_helps").label == "Find what helps"
    assert page.selectbox(key="trial_budget").value == trials.BUDGET_SECONDS
    assert any("remedies are trained beside this experiment" in c.value for c in page.caption)


def test_a_remedy_that_was_given_up_says_so_and_is_not_tried_again(app, tried_on_folds):
    page = _open(app, tried_on_folds)
    effects = [m.value for m in page.markdown if "models ·" in m.value or "model ·" in m.value]
    assert ["gray-badge[given up]" in e for e in effects] == [False, True]
    assert "3 models · 198 images" in effects[0] and "1 model · 66 images" in effects[1]
    assert any("each judged by a model that did not see it" in c.value for c in page.caption)
