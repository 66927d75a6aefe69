"""Remedies tried on real runs, and the statistics that judge them."""

import pandas as pd
import pytest

from core.diagnosis.remedies import REMEDIES
from core.diagnosis.report import Diagnosis, Finding, Mark
from core.experiment import BackboneSpec, DataSpec, Experiment, FreezeSpec, TrainingSpec
from core.runs import RunStore
from core.studies import repair, trials


def test_candidates_come_from_the_findings_first_and_change_something():
    finding = Finding(
        "trained-too-long", "", "overfitting", 0.9, "", remedies=("more-dropout", "early-stopping", "more-validation")
    )
    chosen = trials.candidates(Experiment(), Diagnosis("overfitting", 0.9, "", (finding,)))
    assert [r.code for r in chosen][:1] == ["early-stopping"]  # the head has dropout 0.5 already
    assert "more-validation" not in [r.code for r in chosen]
    assert all(r.apply(Experiment()) is not None for r in chosen)


@pytest.mark.parametrize(("best", "offered"), [(10.0, False), (6.0, True)])
def test_early_stopping_is_not_offered_where_the_last_epoch_is_the_best(best, offered):
    mark = Mark("epoch", "loss", "best", best, y0=0.4)
    chosen = trials.candidates(Experiment(), Diagnosis("overfitting", 0.9, "", (), (mark,)))
    assert ("early-stopping" in [r.code for r in chosen]) == offered


def test_remedies_that_come_to_the_same_are_tried_once():
    x = Experiment(freeze=FreezeSpec.last(4))
    finding = Finding("too-many-parameters", "", "overfitting", 0.9, "", remedies=("freeze-more", "freeze-all"))
    chosen = [r.code for r in trials.candidates(x, Diagnosis("overfitting", 0.9, "", (finding,)))]
    assert REMEDIES["freeze-more"].apply(x) == REMEDIES["freeze-all"].apply(x)
    assert "freeze-more" in chosen and "freeze-all" not in chosen


@pytest.mark.parametrize("code", list(REMEDIES))
def test_every_remedy_gives_a_valid_experiment_or_none(code):
    changed = REMEDIES[code].apply(Experiment())
    assert changed is None or Experiment.from_json(changed.to_json()) == changed


@pytest.fixture(scope="module")
def engine():
    from core.engine import Engine

    made = Engine(RunStore())
    yield made
    made.close()


@pytest.fixture(scope="module")
def stopped_too_early(engine) -> str:
    """A run of two epochs at a tiny rate: more epochs or a higher rate must help."""
    experiment = Experiment(
        data=DataSpec(source="builtin:digits", classes=("0", "1", "2"), images_per_class=40),
        backbone=BackboneSpec(size=96, alpha=0.35),
        training=TrainingSpec(epochs=3, learning_rate=3e-5),
    )
    run_id = engine.submit(experiment)
    assert engine.wait(run_id, timeout=240) == "finished"
    return run_id


def _wait_for_trials(engine, run_id):
    for run in trials.of_run(engine.store, run_id):
        engine.wait(run.id, timeout=240)


def test_trials_judge_all_images_that_may_be_looked_at_and_find_what_helps(engine, stopped_too_early):
    made = trials.start(engine, stopped_too_early, most=2)
    assert engine.store.get(made[0]).name == trials.BASELINE
    assert len(made) == 3  # the unchanged experiment and two remedies
    assert trials.start(engine, stopped_too_early, most=2) == []  # nothing is tried twice
    _wait_for_trials(engine, stopped_too_early)
    table = trials.results(engine.store, stopped_too_early)
    assert (table.done == 1).all()
    assert table.iloc[0].recommended, table.to_string()
    probes = engine.store.measured(stopped_too_early)["probes"]
    assert (table.iloc[0].models, table.iloc[0].images) == (3, probes["n_train"] + probes["n_validation"])
    own = engine.store.get(stopped_too_early).experiment.training.seed
    runs = trials.of_run(engine.store, stopped_too_early)
    assert own not in {r.experiment.training.seed for r in runs}
    assert engine.store.model_path(runs[0].id) is None
    assert engine.store.get(stopped_too_early).verdict != "good_fit", "a trial changes nothing about the run it is for"


def test_where_validation_images_differ_seeds_are_judged_by_those_alone(engine, stopped_too_early, monkeypatch):
    """Folds would mix both kinds of images, and hide what a remedy does about the difference."""
    diagnosis = engine.store.diagnosis(stopped_too_early)
    shift = Finding(trials.DIFFERENT, "", "overfitting", 0.9, "")
    monkeypatch.setattr(trials, "results", lambda *_: pytest.fail("nothing was tried yet"))
    copy = engine.store.create(engine.store.get(stopped_too_early).experiment)
    evaluation, probes = engine.store.evaluation(stopped_too_early), engine.store.measured(stopped_too_early)["probes"]
    engine.store.save_results(
        copy, evaluation, Diagnosis("overfitting", 0.9, "", (shift, *diagnosis.findings)), probes, {}
    )
    assert trials.design_of(engine.store, copy) == trials.ON_SEEDS
    assert trials.design_of(engine.store, stopped_too_early) == trials.ON_FOLDS


@pytest.mark.parametrize(
    ("probes", "design"),
    [
        ({"n_train": 90, "n_validation": 30, "class_counts": [30, 30, 30]}, trials.ON_FOLDS),
        ({"n_train": 20, "n_validation": 60, "class_counts": [10, 10]}, trials.ON_SEEDS),
        ({"n_train": 65, "n_validation": 30, "class_counts": [60, 5]}, trials.ON_SEEDS),
        ({}, trials.ON_SEEDS),
    ],
    ids=["fair", "folds would train on far more", "a class too small", "nothing known"],
)
def test_folds_are_used_where_that_is_fair(probes, design):
    assert trials.fitting(Diagnosis("overfitting", 0.9, ""), probes) == design


def test_trials_that_were_begun_on_seeds_are_carried_on_so(engine, stopped_too_early):
    """As those of a store that an older version wrote."""
    x = engine.store.get(stopped_too_early).experiment
    root = engine.store.create(x)
    engine.store.save_results(
        root, engine.store.evaluation(stopped_too_early), engine.store.diagnosis(stopped_too_early),
        engine.store.measured(stopped_too_early)["probes"], {},
    )  # fmt: skip
    assert trials.design_of(engine.store, root) == trials.ON_FOLDS
    engine.store.finish(engine.store.create(x.seeded(101), name="rate-up", group=f"trial-{root}"), "stopped")
    assert trials.design_of(engine.store, root) == trials.ON_SEEDS


def test_where_all_were_given_up_whoever_asks_again_gets_all(engine, monkeypatch):
    table = pd.DataFrame({"code": ["rate-up", "thaw-more"], "given_up": [True, True]})
    monkeypatch.setattr(trials, "results", lambda *_: table)
    assert trials._undecided(engine.store, "x") == ["rate-up", "thaw-more"]
    table.loc[0, "given_up"] = False
    assert trials._undecided(engine.store, "x") == ["rate-up"]


def test_the_budget_says_how_many_remedies_are_tried(engine, stopped_too_early):
    plans = [trials.plan(engine.store, stopped_too_early, budget=seconds) for seconds in (0.001, 600)]
    assert len(plans[0].remedies) == 1, "one is tried be the budget ever so small"
    assert plans[1].remedies[:1] == plans[0].remedies
    assert len(plans[1].remedies) > 1 and plans[0].seconds < plans[1].seconds <= 600


def test_finished_trials_get_a_further_round_and_stopped_ones_are_made_again(engine, stopped_too_early):
    _wait_for_trials(engine, stopped_too_early)
    before = trials.results(engine.store, stopped_too_early).set_index("code")
    more = trials.start(engine, stopped_too_early, most=2)
    assert len(more) == 1 + (~before.given_up).sum(), "what was given up is not tried again"
    assert len({r.experiment.training.seed for r in trials.of_run(engine.store, stopped_too_early)}) == 2
    trials.stop(engine, stopped_too_early)
    _wait_for_trials(engine, stopped_too_early)
    stopped = sum(engine.store.get(r).status == "stopped" for r in more)
    assert stopped, "they were stopped before they were done"
    kept = trials.results(engine.store, stopped_too_early).set_index("code")
    assert (kept.done >= before.done).all()
    assert len(trials.start(engine, stopped_too_early, most=2)) == stopped
    _wait_for_trials(engine, stopped_too_early)
    after = trials.results(engine.store, stopped_too_early).set_index("code")
    assert (after.done == after.runs).all() and (after.done[~before.given_up] == 2).all(), "each seed counts once"


def test_repair_takes_the_best_remedy_and_says_why_it_ended(engine, stopped_too_early):
    _wait_for_trials(engine, stopped_too_early)
    now = repair.start(engine, stopped_too_early)
    assert now.status in {"training", "trying"}
    engine.wait(repair.look(engine.store, stopped_too_early).steps[-1].id, timeout=120)
    now = repair.look(engine.store, stopped_too_early)
    assert len(now.steps) == 2
    best = trials.results(engine.store, stopped_too_early).iloc[0]
    assert now.steps[1].name == best.title
    repair.stop(engine, stopped_too_early)
    ended = repair.look(engine.store, stopped_too_early)
    assert (ended.status, ended.reason) == ("ended", "It was stopped.")


def test_repair_of_a_run_without_a_verdict_ends_and_says_so(engine):
    broken_off = engine.store.create(Experiment())
    engine.store.finish(broken_off, "stopped")
    now = repair.start(engine, broken_off)
    assert now.status == "ended" and "no remedy" in now.reason
