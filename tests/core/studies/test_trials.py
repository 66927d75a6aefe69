"""Remedies tried on real runs, and the statistics that judge them."""

import numpy as np
import pytest

from core.diagnosis.remedies import REMEDIES
from core.diagnosis.report import Diagnosis, Finding, Mark
from core.evaluation import Predictions
from core.experiment import BackboneSpec, DataSpec, Experiment, FreezeSpec, TrainingSpec
from core.runs import RunStore
from core.studies import repair, trials


def _predictions(right: np.ndarray, sure: float = 0.8) -> Predictions:
    """Predictions of two classes that are right where ``right`` says so."""
    n = len(right)
    probabilities = np.where(right[:, None], [sure, 1 - sure], [1 - sure, sure])
    return Predictions(np.zeros(n, int), probabilities, tuple(map(str, range(n))), np.arange(n))


def _pairs(before: float, after: float, n: int, seeds: int, rng: np.random.Generator):
    hard = rng.random(n)
    return [
        (_predictions(hard + rng.normal(0, 0.05, n) < before), _predictions(hard + rng.normal(0, 0.05, n) < after))
        for _ in range(seeds)
    ]


def test_a_clear_gain_is_recommended():
    measured = trials.compare(_pairs(0.6, 0.9, 100, 3, np.random.default_rng(0)), n_remedies=6)
    assert measured.recommended
    assert measured.low > 0
    assert measured.gain == pytest.approx(0.3, abs=0.08)


def test_no_gain_is_seldom_recommended():
    """Under no effect at all, at most about one table in ten may recommend anything."""
    rng = np.random.default_rng(1)
    wrongly = [
        any(trials.compare(_pairs(0.7, 0.7, 60, 3, rng), n_remedies=6).recommended for _ in range(6)) for _ in range(60)
    ]
    assert np.mean(wrongly) <= 0.2


def test_one_seed_is_never_enough():
    assert not trials.compare(_pairs(0.4, 0.95, 200, 1, np.random.default_rng(2))).recommended


@pytest.mark.parametrize(("surer", "worth_it"), [(1.0005, False), (1.05, True)])
def test_a_sure_gain_is_recommended_only_where_someone_would_notice_it(surer, worth_it):
    """Weight decay that changed the loss by 0.00004 nats, the same on every image and seed, was once recommended."""
    right = np.ones(100, bool)
    measured = trials.compare([(_predictions(right, 0.8), _predictions(right, 0.8 * surer))] * 3, n_remedies=6)
    assert measured.gain == 0 and measured.loss_low > 0, "nothing but the loss differs, and that surely"
    assert measured.recommended == worth_it


@pytest.mark.parametrize(
    ("low", "gain", "high", "loss_low", "recommended", "only_surer"),
    [
        (0.01, 0.05, 0.09, -0.1, True, False),
        (-0.004, 0.01, 0.03, 0.02, True, False),
        (-0.02, 0.01, 0.04, 0.02, False, True),
        (-0.02, 0.01, 0.04, 0.005, False, False),
        (-0.09, -0.05, -0.01, 0.02, False, False),
    ],
)
def test_a_lower_loss_is_recommended_only_where_the_accuracy_surely_stays(
    low, gain, high, loss_low, recommended, only_surer
):
    """A rate a tenth as high lowered the loss on clothes for sure and cost 8 points of test accuracy."""
    measured = trials.Measured(gain, low, high, loss_low + 0.2, loss_low, loss_low + 0.4, seeds=3)
    assert (measured.recommended, measured.only_surer) == (recommended, only_surer)


def test_a_loss_is_not_recommended():
    assert not trials.compare(_pairs(0.9, 0.7, 100, 3, np.random.default_rng(3))).recommended


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
    for run in engine.store.list(group=f"trial-{run_id}", limit=200):
        engine.wait(run.id, timeout=240)


def test_trials_measure_on_other_seeds_and_find_what_helps(engine, stopped_too_early):
    made = trials.start(engine, stopped_too_early, seeds=2, most=2)
    assert len(made) == 6  # the unchanged experiment and two remedies, on two seeds
    assert trials.start(engine, stopped_too_early, seeds=2, most=2) == []  # nothing is tried twice
    _wait_for_trials(engine, stopped_too_early)
    table = trials.results(engine.store, stopped_too_early)
    assert (table.done == 2).all()
    assert table.iloc[0].recommended, table.to_string()
    own = engine.store.get(stopped_too_early).experiment.training.seed
    runs = engine.store.list(group=f"trial-{stopped_too_early}")
    assert own not in {r.experiment.training.seed for r in runs}
    assert engine.store.model_path(runs[0].id) is None


def test_the_budget_says_how_many_remedies_are_tried(engine, stopped_too_early):
    plans = [trials.plan(engine.store, stopped_too_early, budget=seconds) for seconds in (0.001, 600)]
    assert len(plans[0].remedies) == 1, "one is tried be the budget ever so small"
    assert plans[1].remedies[:1] == plans[0].remedies
    assert len(plans[1].remedies) > 1 and plans[0].seconds < plans[1].seconds <= 600


def test_finished_trials_get_further_seeds_and_stopped_ones_are_made_again(engine, stopped_too_early):
    _wait_for_trials(engine, stopped_too_early)
    before = trials.results(engine.store, stopped_too_early)
    more = trials.start(engine, stopped_too_early, seeds=2, most=2)
    assert len(more) == 6
    group = engine.store.list(group=f"trial-{stopped_too_early}")
    assert len({r.experiment.training.seed for r in group}) == 4
    trials.stop(engine, stopped_too_early)
    _wait_for_trials(engine, stopped_too_early)
    stopped = sum(engine.store.get(r).status == "stopped" for r in more)
    assert stopped, "they were stopped before they were done"
    kept = trials.results(engine.store, stopped_too_early).set_index("code")
    assert (kept.done >= before.set_index("code").done).all()
    assert len(trials.start(engine, stopped_too_early, seeds=2, most=2)) == stopped
    _wait_for_trials(engine, stopped_too_early)
    after = trials.results(engine.store, stopped_too_early)
    assert (after.done == 4).all() and (after.runs == 4).all(), "each seed counts once"


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
