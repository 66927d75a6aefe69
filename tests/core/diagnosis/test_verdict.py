"""The verdict on curves alone: what is said, and what is not said too early."""

from itertools import groupby, pairwise

import numpy as np
import pandas as pd
import pytest

from core.data.health import HealthNote
from core.diagnosis import RULES, Diagnosis, Observations, diagnose, diagnose_history
from core.diagnosis.evidence import Evidence
from core.diagnosis.posterior import Beliefs
from core.errors import HistoryError
from core.experiment import Experiment, FreezeSpec

EPOCHS = np.arange(40)
FALLING = 0.1 + 0.9 * np.exp(-EPOCHS / 5)
RNG = np.random.default_rng(0)


def history(validation: np.ndarray, train: np.ndarray = FALLING, **more: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"loss": train[: len(validation)], "val_loss": validation, **more})


def verdict(validation: np.ndarray, **more: np.ndarray) -> str:
    return diagnose_history(history(validation, **more)).verdict


SETTLED = 0.3 + 0.8 * np.exp(-EPOCHS / 5)
TURNED = SETTLED + 0.02 * np.clip(EPOCHS - 15, 0, None)


def test_a_validation_loss_that_turns_and_rises_is_overfitting():
    found = diagnose_history(history(TURNED))
    assert found.verdict == "overfitting"
    assert found.findings[0].code == "trained-too-long"
    assert "epoch 1" in found.summary


def test_a_validation_loss_that_settles_is_a_good_fit():
    assert verdict(SETTLED) == "good_fit"


@pytest.mark.parametrize("noise", [0.005, 0.02])
def test_noise_around_a_settled_curve_is_not_overfitting(noise):
    answers = [verdict(SETTLED * (1 + noise * RNG.standard_normal(40))) for _ in range(20)]
    assert answers.count("overfitting") <= 1


@pytest.mark.parametrize("noise", [0.005, 0.02])
def test_noise_does_not_hide_a_rise(noise):
    answers = [verdict(TURNED * (1 + noise * RNG.standard_normal(40))) for _ in range(20)]
    assert answers.count("overfitting") >= 19


def test_one_epoch_up_at_the_very_end_is_not_overfitting():
    validation = SETTLED.copy()
    validation[-1] *= 1.1
    assert verdict(validation) != "overfitting"


def test_a_spike_in_the_middle_is_not_overfitting():
    validation = SETTLED.copy()
    validation[20] *= 3
    assert verdict(validation) != "overfitting"


def test_hundreds_of_epochs_are_read_as_well_as_forty():
    t = np.linspace(0, 1, 600)
    train = 0.05 + np.exp(-20 * t)
    flat = (0.4 + np.exp(-20 * t)) * (1 + 0.02 * RNG.standard_normal(600))
    assert verdict(flat, train=train) == "good_fit"
    assert verdict(flat + 0.15 * t, train=train) == "overfitting"


def test_both_losses_rising_together_is_not_overfitting():
    assert verdict(TURNED, train=TURNED * 0.9) != "overfitting"


def test_not_a_number_is_unstable():
    assert verdict(np.array([1, 0.8, np.nan]), train=np.array([1, 0.9, np.nan])) == "unstable"


def test_a_saw_is_unstable():
    saw = 1 + 0.5 * (np.arange(40) % 2)
    assert verdict(saw, train=saw) == "unstable"


def test_both_still_falling_is_still_improving():
    line = np.linspace(2, 0.8, 12)
    assert verdict(line, train=line) == "still_improving"


def test_training_accuracy_near_chance_is_underfitting():
    flat = np.full(12, 1.38)
    found = diagnose_history(
        history(flat, train=flat, accuracy=np.full(12, 0.27), val_accuracy=np.full(12, 0.25)), n_classes=4
    )
    assert found.verdict == "underfitting"


def test_a_wide_gap_without_a_rise_is_overfitting():
    flat = np.full(12, 0.9)
    found = diagnose_history(
        history(flat, train=np.full(12, 0.05), accuracy=np.full(12, 1.0), val_accuracy=np.full(12, 0.7)),
        n_train=200,
        n_val=100,
        n_classes=4,
    )
    assert found.verdict == "overfitting"


def test_the_same_gap_on_ten_validation_images_is_left_open():
    table = history(np.full(12, 0.9), train=np.full(12, 0.05), accuracy=np.full(12, 1.0), val_accuracy=np.full(12, 0.8))
    assert diagnose_history(table, n_train=200, n_val=10, n_classes=4).verdict == "inconclusive"


def test_percent_and_shares_give_the_same_verdict():
    shares = history(SETTLED, accuracy=1 - 0.5 * FALLING, val_accuracy=0.95 - 0.5 * FALLING)
    percent = shares.assign(accuracy=100 * shares.accuracy, val_accuracy=100 * shares.val_accuracy)
    assert diagnose_history(shares).to_dict() == diagnose_history(percent).to_dict()


def test_two_epochs_and_no_validation_loss_are_left_open():
    assert verdict(np.array([1.0, 0.9])) == "inconclusive"
    assert diagnose_history(pd.DataFrame({"loss": FALLING})).verdict == "inconclusive"


@pytest.mark.parametrize("table", [pd.DataFrame(), pd.DataFrame({"seconds": [0.5]}), pd.DataFrame({"loss": []}), None])
def test_what_is_no_history_is_refused_with_a_sentence(table):
    with pytest.raises(HistoryError, match="history"):
        diagnose_history(table)


def test_a_good_fit_does_not_call_a_gap_close():
    table = history(SETTLED, accuracy=np.full(40, 0.95), val_accuracy=np.full(40, 0.86))
    found = diagnose_history(table, n_train=300, n_val=150, n_classes=4)
    assert found.verdict == "good_fit"
    assert "9 points below" in found.summary
    assert "close and steady" not in found.summary


@pytest.mark.parametrize(("n_validation", "right", "claimed"), [(24, 14, False), (200, 111, False), (200, 102, True)])
def test_labels_are_called_meaningless_only_where_the_validation_images_rule_out_more(n_validation, right, claimed):
    """Cats and dogs with right labels were once told so, at 58% of 24 images, where the test images said 71%."""
    table = history(SETTLED, accuracy=0.97 - 0.4 * FALLING, val_accuracy=np.full(40, right / n_validation))
    probes = {"n_train": 72, "n_validation": n_validation, "n_classes": 2, "class_counts": [36, 36]}
    said = RULES["uninformative-input"].check(Evidence(Observations(table, Experiment(), probes=probes)))
    assert said is not None
    assert ("labels may have nothing to do with the pictures" in said.explanation) == claimed
    assert (said.severity > 0.9) == claimed


@pytest.mark.parametrize(
    ("train_accuracy", "colours", "comes_first"), [(0.95, 0.93, True), (0.45, 0.43, False), (0.86, 0.96, False)]
)
def test_colours_that_tell_the_class_explain_only_what_a_network_can_rest_on(train_accuracy, colours, comes_first):
    """A rate far too low, and three epochs on materials whose colours knew more than the network, were once explained by a shortcut."""
    numbers = {"accuracy": colours, "low": colours - 0.02, "high": colours + 0.02}
    note = HealthNote("colour_tells", "info", "Colour alone tells much of the class", "", (), numbers)
    table = history(SETTLED, accuracy=np.full(40, train_accuracy), val_accuracy=np.full(40, train_accuracy - 0.02))
    probes = {"n_train": 200, "n_validation": 150, "n_classes": 5, "class_counts": [40] * 5}
    said = RULES["shortcut"].check(Evidence(Observations(table, Experiment(), probes=probes, health=(note,))))
    assert said is not None
    assert (said.severity > 0.8) == comes_first


def test_how_far_a_short_run_still_fell_is_what_its_plot_shows():
    """Three epochs from 0.9 to 0.45 were once said to have fallen 67% over the last quarter."""
    falling = np.array([0.9, 0.6, 0.45])
    table = history(
        falling, train=falling, accuracy=np.array([0.6, 0.75, 0.8]), val_accuracy=np.array([0.6, 0.74, 0.8])
    )
    said = diagnose_history(table, n_train=300, n_val=200, n_classes=4)
    assert said.verdict == "still_improving"
    assert "still fell 51% after epoch 1" in said.summary, said.summary  # the line through them: 0.875 to 0.425
    assert "quarter" not in said.summary


def test_a_rate_that_let_nothing_jump_is_not_said_to_have_made_it_jump():
    flat = np.full(10, 1.386)
    table = history(flat, train=flat, accuracy=np.full(10, 0.25), val_accuracy=np.full(10, 0.25))
    x = Experiment(training=Experiment().training.replace(learning_rate=0.02))
    said = RULES["rate-too-high"].check(Evidence(Observations(table, x, probes={"n_classes": 4})))
    assert said is not None and "0% of the epochs" not in said.explanation
    assert "usual is up to 0.001" in said.explanation


def test_files_that_tell_the_class_are_named_as_what_the_network_may_have_learnt():
    numbers = {"accuracy": 0.96, "low": 0.92, "high": 0.99, "chance": 0.5}
    files = HealthNote("files_tell", "warning", "The files alone tell much of the class: shape", "", (), numbers)
    colours = HealthNote("colour_tells", "info", "", "", (), {"accuracy": 0.75, "low": 0.7, "high": 0.8})
    table = history(SETTLED, accuracy=np.full(40, 0.99), val_accuracy=np.full(40, 0.97))
    probes = {"n_train": 200, "n_validation": 150, "n_classes": 2, "class_counts": [100] * 2}
    said = RULES["shortcut"].check(Evidence(Observations(table, Experiment(), probes=probes, health=(colours, files))))
    assert (
        said is not None
        and "size, shape, type, compression and frame" in said.explanation
        and "96%" in said.explanation
    )
    alone = RULES["shortcut"].check(Evidence(Observations(table, Experiment(), probes=probes, health=(colours,))))
    assert alone is None, "colours alone are far from what the network reaches"


def test_a_fall_that_nobody_would_notice_is_no_reason_to_train_on():
    """On cars and deer a run with 97% and 94% right was once called still improving for the sake of 0.02 nats."""
    shape, right = np.geomspace(1.6, 1, 15), np.linspace(0.9, 1, 15)
    solved = history(0.2 * shape, train=0.2 * shape, accuracy=0.97 * right, val_accuracy=0.93 * right)
    midway = history(0.9 * shape, train=0.9 * shape, accuracy=0.80 * right, val_accuracy=0.78 * right)
    sizes = {"n_train": 200, "n_val": 100, "n_classes": 2}
    assert diagnose_history(solved.tail(10), **sizes).verdict == "good_fit"
    assert diagnose_history(midway.tail(10), **sizes).verdict == "still_improving"


def test_a_rise_of_a_model_that_learnt_nothing_is_not_overfitting():
    """At a learning rate of 3 a few validation images had enormous losses; the model knew none of its training images either."""
    table = history(TURNED, accuracy=np.full(40, 0.27), val_accuracy=np.full(40, 0.25))
    assert diagnose_history(table, n_train=200, n_val=200, n_classes=4).verdict == "underfitting"
    assert diagnose_history(table[["loss", "val_loss"]]).verdict == "overfitting", "curves alone cannot tell"


@pytest.mark.parametrize(
    ("thawed", "in_head", "moved", "blamed"),
    [(4, 160_000, 0.007, "4 thawed layers"), (4, 160_000, 0.3, "4 thawed layers"), (0, 570_000, 0.0, "in the head.")],
)
def test_layers_that_hardly_moved_are_not_blamed_first_and_a_wide_head_is_called_so(thawed, in_head, moved, blamed):
    """A default run on 60 clothes a class was told that its 4 thawed layers were too many; all frozen, the gap was the same."""
    table = history(SETTLED, accuracy=np.full(40, 0.95), val_accuracy=np.full(40, 0.74))
    probes = {"n_train": 300, "n_validation": 100, "n_classes": 5, "trainable_parameters": 570_000}
    probes |= {"head_parameters": in_head, "update_ratios": {"Conv_1": moved}}
    x = Experiment(freeze=FreezeSpec.last(thawed))
    found = diagnose(Observations(table, x, probes=probes)).findings
    many = next(f for f in found if f.code == "too-many-parameters")
    assert blamed in many.explanation
    assert (found[0].code == "too-few-images") == (0 < moved < 0.02)


def with_right_answers(n_right: int, n: int = 180) -> Diagnosis:
    table = history(SETTLED, accuracy=np.full(40, 0.955), val_accuracy=np.full(40, n_right / n))
    return diagnose_history(table, n_train=n, n_val=n, n_classes=3)


def test_one_validation_answer_never_turns_one_verdict_into_another():
    """Sureness falls towards a border: between a good fit and overfitting lie verdicts that are left open."""
    found = [with_right_answers(right) for right in range(130, 172)]
    steps = [abs(a.probabilities["overfitting"] - b.probabilities["overfitting"]) for a, b in pairwise(found)]
    assert max(steps) < 0.12
    said = [key for key, _ in groupby(d.verdict for d in found)]
    assert said == ["overfitting", "inconclusive", "good_fit"]
    assert found[0].sureness == found[-1].sureness == "quite sure"


def test_with_few_validation_images_the_interval_is_said_instead_of_a_verdict():
    """59% of 34 validation images right, and 91% of training images, was once called a good fit."""
    assert with_right_answers(20, 34).verdict == "overfitting"
    said = with_right_answers(28, 34).summary
    assert said.startswith("Cannot tell yet")
    assert "34 validation images cannot narrow it" in said


def test_a_good_fit_says_nothing_about_a_loss_that_rose():
    table = history(
        SETTLED + 0.02 * np.clip(EPOCHS - 30, 0, None), accuracy=np.full(40, 0.99), val_accuracy=np.full(40, 0.98)
    )
    found = diagnose_history(table, n_train=300, n_val=150, n_classes=3)
    assert "made it worse" not in found.summary and "settled" not in found.summary


def test_probabilities_add_up_and_are_kept():
    found = with_right_answers(150)
    assert sum(found.probabilities.values()) == pytest.approx(1, abs=0.01)
    assert Diagnosis.from_dict(found.to_dict()) == found
    old = {k: v for k, v in found.to_dict().items() if k != "probabilities"}
    assert Diagnosis.from_dict(old).probabilities == {}


def test_copies_of_training_images_are_taken_out_of_the_validation_accuracy():
    """Sixty of 100 validation images are copies and right; of the 40 others half are."""
    table = history(SETTLED, accuracy=np.full(40, 1.0), val_accuracy=np.full(40, 0.8))
    note = HealthNote("duplicates_validation", "problem", "Copies", "", (), {"n": 60})
    probes = {"n_train": 300, "n_validation": 100, "n_classes": 2}
    seen = Observations(table, Experiment(), probes=probes, health=(note,))
    low, high = Beliefs(Evidence(seen)).gap_interval
    assert low > 0.25 and high > 0.4


@pytest.mark.parametrize(
    ("part", "n", "said"), [("validation", 1, "1 validation image is a copy (1%)"), ("test", 1, None)]
)
def test_a_copy_in_the_test_part_is_no_copy_in_validation(part: str, n: int, said: str | None):
    """A page once said of one copy in the test part that "1 validation images are copies"."""
    note = HealthNote(f"duplicates_{part}", "problem", "Copies", "", (), {"n": n})
    probes = {"n_train": 300, "n_validation": 100, "n_classes": 2}
    table = history(SETTLED, accuracy=np.full(40, 0.97), val_accuracy=np.full(40, 0.95))
    found = diagnose(Observations(table, Experiment(), probes=probes, health=(note,)))
    facts = [fact.text for finding in found.findings if finding.code == "duplicates" for fact in finding.evidence]
    assert facts == ([said] if said else [])


def test_a_handful_of_training_images_is_no_reason_to_doubt_that_they_are_known():
    """Four images a class, all right, and 81% of 120 new ones: the gap was once too uncertain, because eight images were."""
    table = history(SETTLED, accuracy=np.full(40, 1.0), val_accuracy=np.full(40, 0.81))
    assert diagnose_history(table, n_train=8, n_val=120, n_classes=2).verdict == "overfitting"


def test_few_validation_images_are_not_taken_for_all_new_ones():
    """A run on clothes was said to know "only 74% of new ones": it was 74 of 100, and of 100 test images it knew 86."""
    probes = {"n_train": 300, "n_validation": 100, "n_classes": 5, "class_counts": [60] * 5}
    table = history(SETTLED, accuracy=np.full(40, 0.94), val_accuracy=np.full(40, 0.74))
    found = diagnose(Observations(table, Experiment(), probes=probes))
    assert found.findings[0].code == "too-few-images"
    told = [fact.text for fact in found.findings[0].evidence]
    assert "74% of 100 validation images speaks for 65% to 82% of new ones" in told


def test_a_shortcut_that_holds_in_validation_does_not_explain_a_gap():
    """Green frogs and grey trucks: 99% of training and 90% of test images right was once called overfitting to their colours."""
    numbers = {"accuracy": 0.89, "low": 0.86, "high": 0.92}
    note = HealthNote("colour_tells", "info", "Colour alone tells much of the class", "", (), numbers)
    table = history(SETTLED, accuracy=np.full(40, 0.99), val_accuracy=np.full(40, 0.9))
    probes = {"n_train": 300, "n_validation": 200, "n_classes": 2, "class_counts": [150, 150]}
    found = diagnose(Observations(table, Experiment(), probes=probes, health=(note,)))
    assert found.verdict == "good_fit"
    assert found.findings[0].code == "shortcut"


def test_three_times_nearly_nothing_is_no_explosion():
    """A run that goes on from a trained head begins near zero, and dropout alone moves its reported loss there."""
    table = history(
        np.full(10, 0.28),
        train=np.linspace(0.013, 0.041, 10),
        accuracy=np.full(10, 0.99),
        val_accuracy=np.full(10, 0.88),
    )
    assert diagnose_history(table, n_train=130, n_val=44, n_classes=2).verdict != "unstable"


@pytest.mark.parametrize("end", [1.2, 40.0])
def test_a_loss_that_ends_above_guessing_and_above_its_start_has_exploded(end):
    table = history(np.full(10, 1.0), train=np.linspace(0.5, end, 10), accuracy=np.full(10, 0.5))
    assert diagnose_history(table, n_classes=2).verdict == "unstable"


@pytest.mark.parametrize(("val_accuracy", "told"), [([0.93] * 12, True), ([0.93] * 6 + [0.9] * 6, False)])
def test_a_good_fit_whose_loss_rose_says_why_that_is_no_contradiction(val_accuracy: list, told: bool) -> None:
    rises = np.r_[np.linspace(1, 0.25, 8), np.linspace(0.26, 0.33, 12)]
    frame = pd.DataFrame({
        "epoch": range(1, 21), "loss": np.linspace(1, 0.05, 20), "accuracy": np.linspace(0.6, 0.98, 20),
        "val_loss": rises, "val_accuracy": np.r_[np.linspace(0.6, 0.93, 8), val_accuracy],
    })  # fmt: skip
    found = [f for f in diagnose_history(frame).findings if f.code == "well-fitted"]
    assert all(
        told == ("surer of its mistakes" in fact.text) for f in found for fact in f.evidence if fact.name == "rebound"
    )
    assert found or not told
