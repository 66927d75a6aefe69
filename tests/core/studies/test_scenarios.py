"""Every card is a fair comparison that needs no network; the quickest are trained here, all of them by ``benchmarks.scenarios``."""

from pathlib import Path

import pandas as pd
import pytest

from benchmarks.scenarios import run
from core.diagnosis import diagnose_history
from core.experiment import differences
from core.network import backbone
from core.studies.scenarios import SCENARIOS, Scenario

CARDS = list(SCENARIOS.values())
KEYS = list(SCENARIOS)
# What the second run of a card changes, and nothing else.
CHANGES = {
    "classic": {"freeze.thawed"},
    "capacity": {"head.layers", "freeze.thawed"},
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
QUICK = ("classic", "too-early")


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
        assert differences(before.experiment, after.experiment) == {"data.seed": (0, 7), "training.seed": (0, 7)}
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


@pytest.fixture(scope="module", params=QUICK)
def trained(request) -> tuple[Scenario, list]:
    card = SCENARIOS[request.param]
    histories, verdicts, _ = run(card)
    return card, list(zip(histories, verdicts, strict=True))


def test_its_runs_show_what_it_promises(trained):
    card, runs = trained
    assert card.confirms(runs)
    assert not card.confirms(runs[::-1]), "the other way round it would be no proof"


def test_its_answer_holds_the_figures_of_these_runs(trained):
    card, runs = trained
    answer = card.answer(*zip(*runs, strict=True))
    assert not answer.startswith("These runs do not")
    assert f"{runs[1][0].val_accuracy.tail(3).median():.0%}" in answer
