"""The sentence of a pair: what it says is what the evaluations hold."""

import dataclasses
import re

import numpy as np
import pytest

from core.evaluation import Evaluation, Predictions
from core.experiment import DataSpec, DenseLayer, DrawnDials, DropoutLayer, Experiment, FreezeSpec, HeadSpec
from core.runs.change import describe_change
from core.runs.pair import OTHER_CLASSES, OTHER_IMAGES, sentence

FROZEN = Experiment()
THAWED = FROZEN.replace(freeze=FreezeSpec.last(4))


def evaluation(right: np.ndarray, first_row: int = 0, classes: tuple[str, ...] = ("cat", "dog")) -> Evaluation:
    n = len(right)
    probabilities = np.zeros((n, len(classes)), np.float32)
    probabilities[np.arange(n), np.where(right, 0, 1)] = 1
    p = Predictions(np.zeros(n, int), probabilities, tuple(map(str, range(n))), np.arange(n) + first_row)
    return Evaluation(classes, {"validation": p})


def changed(gained: int, lost: int, n: int = 300) -> tuple[Evaluation, Evaluation]:
    before = np.arange(n) >= gained
    after = np.ones(n, bool)
    after[n - lost :] = False
    return evaluation(before), evaluation(after)


def test_better_with_counts_difference_interval_and_sureness():
    said = sentence((FROZEN, THAWED), [changed(9, 2)])
    assert (
        said.text
        == "Thawing the last 4 layers made 9 validation answers right and 2 wrong: 2 points better (0 to 5), fairly sure."
    )
    assert (said.became_right, said.became_wrong, said.paired, said.warning) == (9, 2, True, "")
    assert said.difference == pytest.approx(100 * 7 / 300)


def test_worse_is_said_of_the_second_run():
    said = sentence((THAWED, FROZEN), [changed(2, 30)])
    assert (
        said.outcome == "worse"
        and "points worse (" in said.text
        and said.text.startswith("Freezing the whole backbone")
    )


def test_not_certain_is_said_plainly_and_with_both_sides():
    said = sentence((FROZEN, THAWED), [changed(5, 4)])
    assert "not certain whether that is better (from 2 points worse to 2 points better)" in said.text
    assert not re.search(r"points? better \(", said.text)


def test_what_points_to_worse_is_not_asked_to_be_better():
    said = sentence((FROZEN, THAWED), [changed(0, 2)])
    assert "made no validation answers right and 2 wrong: not certain whether that is worse (from" in said.text


def test_no_changed_answer_is_not_called_better_or_worse():
    assert sentence((FROZEN, THAWED), [changed(0, 0)]).outcome == "not certain"


@pytest.mark.parametrize(
    "after",
    [
        THAWED.replace(data=DataSpec(source="builtin:digits")),
        THAWED.replace(data=DataSpec(source="drawn:shapes", drawn=DrawnDials(brightness_shift=1))),
    ],
)
def test_different_images_are_warned_about(after):
    a, b = changed(9, 2)
    said = sentence((FROZEN.replace(data=DataSpec(source="drawn:shapes", drawn=DrawnDials())), after), [(a, b)])
    assert not said.paired and said.warning == OTHER_IMAGES and said.became_right is None
    assert "of others" in said.text


def test_other_rows_or_labels_of_the_same_source_are_other_images():
    a, b = changed(9, 2)
    moved = evaluation(b.splits["validation"].predicted == 0, first_row=1)
    assert not sentence((FROZEN, THAWED), [(a, moved)]).paired
    p = b.splits["validation"]
    corrected = dataclasses.replace(p, labels=np.r_[1, p.labels[1:]])
    assert not sentence((FROZEN, THAWED), [(a, dataclasses.replace(b, splits={"validation": corrected}))]).paired


def test_wrong_training_labels_and_fewer_training_images_leave_the_validation_images_the_same():
    data = DataSpec(source="drawn:shapes", drawn=DrawnDials(label_noise=0.3), images_per_class=12)
    right = DataSpec(source="drawn:shapes", drawn=DrawnDials())
    assert sentence((FROZEN.replace(data=data), FROZEN.replace(data=right)), [changed(9, 2)]).paired


def test_other_classes_are_not_compared():
    a, b = changed(9, 2)
    said = sentence((FROZEN, THAWED), [(a, dataclasses.replace(b, class_names=("oak", "elm")))])
    assert said.warning == OTHER_CLASSES and said.outcome == "not certain" and not said.paired


def test_one_answer_and_none_are_said_as_people_say_them():
    assert "made 1 validation answer right and none wrong" in sentence((FROZEN, THAWED), [changed(1, 0)]).text
    assert "made no validation answer right" not in sentence((FROZEN, THAWED), [changed(1, 0)]).text
    assert "made no validation answers right and 3 wrong" in sentence((FROZEN, THAWED), [changed(0, 3)]).text


def test_several_seeds():
    said = sentence((FROZEN, THAWED), [changed(20 + i, 2) for i in range(3)])
    assert said.seeds == 3 and "on 3 seeds: better on 3; on average 6 points better" in said.text


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (FROZEN, "The same settings again"),
        (THAWED, "Thawing the last 4 layers"),
        (FROZEN.replace(freeze=FreezeSpec.last(154)), "Thawing everything"),
        (FROZEN.replace(head=HeadSpec.flatten()), "Flatten instead of average pooling"),
        (FROZEN.replace(training=FROZEN.training.replace(epochs=30)), "30 epochs instead of 10"),
        (FROZEN.replace(training=FROZEN.training.replace(learning_rate=0.02)), "A learning rate of 0.02 instead of 0.001"),
        (FROZEN.replace(training=FROZEN.training.replace(early_stopping={})), "EarlyStopping"),
        (FROZEN.replace(data=FROZEN.data.replace(images_per_class=12)), "12 training images a class instead of all training images"),
        (THAWED.replace(head=HeadSpec.flatten()), "Thawing the last 4 layers and Flatten instead of average pooling"),
        (
            FROZEN.continued(freeze=FreezeSpec.last(4), training=FROZEN.training.replace(learning_rate=1e-4, epochs=5)),
            "Fine-tuning the last 4 layers from where it ended",
        ),
        (
            THAWED.replace(head=HeadSpec.flatten(), training=FROZEN.training.replace(epochs=3)),
            "Thawing the last 4 layers and 2 other changes",
        ),
    ],
)  # fmt: skip
def test_the_change_in_words(after, words):
    assert describe_change(FROZEN, after) == words


def test_every_setting_has_words():
    """A setting added to the spec must not be compared as "a small change"."""
    for field, value in FROZEN.training.model_dump().items():
        other = {"optimizer": "sgd", "schedule": "cosine", "early_stopping": {}}.get(field)
        if other is None:
            other = (not value) if isinstance(value, bool) else value + 1 if isinstance(value, int) else value / 2 + 0.1
        said = describe_change(FROZEN, FROZEN.replace(training=FROZEN.training.replace(**{field: other})))
        assert (said == "A small change of the settings") == (field == "deterministic"), field


def surer(right: np.ndarray, by: float) -> Evaluation:
    """Return the same answers, each given with ``by`` for the class that is named, so that only the loss differs."""
    p = evaluation(right).splits["validation"]
    given = np.where(p.probabilities > 0.5, by, 1 - by)
    return Evaluation(("cat", "dog"), {"validation": dataclasses.replace(p, probabilities=given)})


def test_a_loss_that_surely_fell_is_told_where_the_answers_tell_nothing():
    right = np.arange(200) < 190
    unsure, sure = surer(right, 0.6), surer(right, 0.8)
    fell = sentence((FROZEN, THAWED), [(unsure, sure)])
    low, high = map(float, re.search(r"surely lower: by 0\.24 \((.*?) to (.*?)\)", fell.loss).groups())
    assert fell.outcome == "not certain" and low < 0.95 * np.log(0.8 / 0.6) + 0.05 * np.log(0.2 / 0.4) < high
    assert "surely higher: by 0.24" in sentence((FROZEN, THAWED), [(sure, unsure)]).loss


def test_a_loss_that_may_have_changed_by_chance_is_not_told():
    right = np.arange(200) < 190
    assert sentence((FROZEN, THAWED), [(surer(right, 0.8), surer(right, 0.8))]).loss == ""
    assert sentence((FROZEN, THAWED), [changed(30, 2)]).loss == ""  # the answers say it already
    assert sentence((FROZEN, THAWED), [(surer(right[:1], 0.6), surer(right[:1], 0.8))]).loss == ""


def test_where_no_answer_changed_no_side_is_taken():
    said = sentence((FROZEN, THAWED), [changed(0, 0, 60)])
    assert (
        said.outcome == "not certain"
        and "no difference to be seen (from 4 points worse to 4 points better)" in said.text
    )


@pytest.mark.parametrize("gained, lost", [(1, 0), (2, 2), (40, 3)])
def test_two_seeds_are_compared_as_two(gained: int, lost: int):
    said = sentence((FROZEN, THAWED), [changed(gained, lost), changed(gained, lost)])
    assert said.seeds == 2 and "on 2 seeds" in said.text


@pytest.mark.parametrize(
    "before, after, said",
    [
        ((0.5,), (0.2,), "less dropout"),
        ((0.2,), (0.5,), "more dropout"),
        ((0.2, 0.2), (0.2, 0.4), "more dropout"),
        ((0.2,), (), "less dropout"),
    ],
)
def test_dropout_is_named_by_its_direction(before: tuple, after: tuple, said: str):
    a, b = (
        FROZEN.replace(head=HeadSpec(layers=tuple(DropoutLayer(rate=r) for r in rates))) for rates in (before, after)
    )
    assert describe_change(a, b).casefold() == said


def test_another_head_is_not_called_dropout():
    a, b = (FROZEN.replace(head=HeadSpec(layers=(DropoutLayer(rate=0.2), DenseLayer(units=n)))) for n in (64, 128))
    assert describe_change(a, b).casefold() == "another head"
