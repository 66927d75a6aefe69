"""Every card is a fair comparison that needs no network; the quickest are trained here, all of them by ``benchmarks.scenarios``."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.scenarios import Shown, outcome_of, run
from core.diagnosis import Diagnosis, Finding, diagnose_history
from core.experiment import differences
from core.network import backbone
from core.studies.scenarios import SCENARIOS, Scenario, Side

CARDS = list(SCENARIOS.values())
KEYS = list(SCENARIOS)
# What the second run of a card changes, and nothing else.
CHANGES = {
    "classic": {"freeze.thawed"},
    "capacity": {"head.layers"},
    "augmentation": {"augmentation.steps"},
    "too-early": {"training.epochs"},
    "few-images": {"data.images_per_class"},
    "too-long": {"training.early_stopping"},
    "brightness": {"augmentation.steps"},
    "flatten": {"head.pooling", "head.layers"},
    "batchnorm": {"freeze.lock_batchnorm"},
    "rate": {"training.learning_rate"},
    "labels": {"data.drawn.label_noise"},
}


def test_every_promised_phenomenon_has_a_card():
    assert set(CHANGES) <= set(SCENARIOS)


@pytest.mark.parametrize("card", CARDS, ids=KEYS)
def test_a_card_says_what_to_see_where_to_look_and_what_to_discuss(card: Scenario):
    assert SCENARIOS[card.key] is card
    for text in (card.title, card.promise, card.look_at, card.question):
        assert len(text) > 8
    assert "?" in card.question
    assert len({s.label for s in card.steps}) == len(card.steps) in {1, 2}


@pytest.mark.parametrize("card", [c for c in CARDS if c.key in CHANGES], ids=list(CHANGES))
def test_two_runs_differ_in_what_the_card_is_about_and_in_nothing_else(card: Scenario):
    before, after = (step.experiment for step in card.steps)
    whole = {
        path.replace("training.early_stopping.monitor", "training.early_stopping")
        for path in differences(before, after)
    }
    changed = {p for p in whole if not p.startswith("training.early_stopping.")}
    assert changed == CHANGES[card.key]


@pytest.mark.parametrize("card", CARDS, ids=KEYS)
def test_a_card_needs_no_network(card: Scenario):
    for step in card.steps:
        x = step.experiment
        assert x.data.source.startswith(("builtin:", "drawn:"))
        assert x.backbone.weights == "builtin" and Path(backbone.builtin_file(x.backbone.alpha)).is_file()


@pytest.mark.parametrize("card", CARDS, ids=KEYS)
def test_another_seed_changes_pictures_and_training_and_nothing_else(card: Scenario):
    for before, after in zip(card.steps, card.seeded(7).steps, strict=True):
        own = before.experiment.training.seed
        assert differences(before.experiment, after.experiment) == {"data.seed": (own, 7), "training.seed": (own, 7)}
        assert before.label == after.label


@pytest.mark.parametrize("card", CARDS, ids=KEYS)
def test_runs_that_do_not_show_it_are_not_passed_off_as_a_proof(card: Scenario):
    """Two equal runs that learnt nothing confirm no card, and the answer admits it."""
    flat = pd.DataFrame(
        {"epoch": range(1, 9), "loss": 1.386, "val_loss": 1.386, "accuracy": 0.25, "val_accuracy": 0.25}
    )
    flat = flat.assign(clean_loss=flat.loss, clean_accuracy=flat.accuracy)
    verdict = diagnose_history(flat)
    runs = [(flat, verdict)] * len(card.steps)
    assert not card.confirms(runs)
    assert card.answer(*zip(*runs, strict=True)).startswith("These runs do not show it clearly")


@pytest.mark.parametrize("card", CARDS, ids=KEYS)
def test_a_guess_has_an_answer_whatever_the_runs_show(card: Scenario):
    rng = np.random.default_rng(3)
    for _ in range(20):
        columns = ("loss", "val_loss", "clean_loss", "accuracy", "val_accuracy", "clean_accuracy")
        runs = [pd.DataFrame({"epoch": range(1, 7), **{c: rng.uniform(0, 1, 6) for c in columns}}) for _ in card.steps]
        option = card.guess.options[card.guess.truth(card.seen(runs, [diagnose_history(h) for h in runs]))]
        assert card.guessed(option, runs, [diagnose_history(h) for h in runs]) == (True, option)
        assert not card.guessed("nothing of this", runs, [diagnose_history(h) for h in runs])[0]


@pytest.mark.parametrize("field", ["short", "title"])
def test_no_two_cards_have_the_same_name(field: str):
    assert len({getattr(c, field) for c in CARDS}) == len(CARDS)


def test_a_side_asks_for_its_verdict_and_its_first_cause():
    side = Side(("overfitting",), ("too-few-images",))
    few, wide = (Finding(code, "", "overfitting", 0.8, "") for code in ("too-few-images", "too-many-parameters"))
    assert side.kept_by(Diagnosis("overfitting", 0.9, "", (few, wide)))
    assert not side.kept_by(Diagnosis("overfitting", 0.9, "", (wide, few)))
    assert not side.kept_by(Diagnosis("overfitting", 0.9, ""))
    assert not side.kept_by(Diagnosis("unstable", 0.9, "", (few,)))


def test_the_weights_that_early_stopping_restored_are_the_ones_spoken_of():
    card = SCENARIOS["too-long"]
    curve = pd.DataFrame({"epoch": [1, 2, 3], "val_loss": [0.9, 0.4, 0.8], "val_accuracy": [0.5, 0.8, 0.7]})
    curve = curve.assign(clean_accuracy=[0.6, 0.9, 1.0], clean_loss=[0.8, 0.3, 0.1], accuracy=[0.5, 0.8, 0.9])
    kept, restored = card.seen([curve, curve], [diagnose_history(curve)] * 2)
    assert (kept.val, restored.val) == (0.7, 0.8)
    assert f"{restored.val_loss:.2f}" == "0.40"


@pytest.fixture(scope="module")
def trained() -> tuple[Scenario, Shown]:
    card = SCENARIOS["too-early"]
    return card, run(card)


def test_its_runs_show_what_it_promises(trained):
    card, shown = trained
    assert card.confirms(shown.runs, outcome_of(card, shown))
    assert not card.confirms(shown.runs, "worse")
    assert not card.confirms(shown.runs[::-1]), "the other way round it would be no proof"


def test_its_answer_holds_the_figures_that_stand_on_the_screen(trained):
    card, shown = trained
    answer = card.answer(shown.histories, shown.diagnoses)
    assert not answer.startswith("These runs do not")
    for evaluation in shown.evaluations:
        assert f"{evaluation.splits['validation'].accuracy:.0%}" in answer
