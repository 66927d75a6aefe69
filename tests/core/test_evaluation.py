"""Figures that follow from predictions, on answers small enough to count by hand."""

import math

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from core.evaluation import Evaluation, Predictions, confusion, per_class, reliability
from core.statistics import wilson

NAMES = ("cat", "dog", "owl")
# True cat, cat, dog, owl; answers cat, dog, dog, cat: the last is a confident mistake, the second a doubtful one.
ANSWERS = np.array([[0.8, 0.1, 0.1], [0.4, 0.5, 0.1], [0.1, 0.7, 0.2], [0.9, 0.05, 0.05]], np.float32)


@pytest.fixture
def seen() -> Predictions:
    return Predictions(np.array([0, 0, 1, 2]), ANSWERS, ("a", "b", "c", "d"), np.array([4, 9, 2, 7]))


@pytest.fixture
def nothing() -> Predictions:
    return Predictions(np.zeros(0, int), np.zeros((0, 3), np.float32), (), np.zeros(0, int))


def test_accuracy_and_its_interval(seen):
    assert seen.predicted.tolist() == [0, 1, 1, 0]
    assert seen.accuracy == 0.5
    assert seen.interval == wilson(2, 4)
    assert Predictions(seen.labels[:3], ANSWERS[:3], seen.names[:3], seen.rows[:3]).interval == wilson(2, 3)


def test_the_most_confident_mistakes_come_first(seen):
    assert seen.wrong.tolist() == [3, 1]


def test_nothing_is_known_without_images(nothing):
    assert math.isnan(nothing.accuracy)
    assert nothing.interval == (0.0, 1.0)
    assert nothing.wrong.tolist() == []
    assert confusion(nothing, 3).tolist() == [[0] * 3] * 3
    assert per_class(nothing, NAMES)[["precision", "recall", "F1", "images"]].to_numpy().sum() == 0


def test_confusion_has_true_classes_as_rows(seen):
    assert confusion(seen, 3).tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]


def test_scores_of_each_class(seen):
    table = per_class(seen, NAMES).set_index("class")
    assert table.loc["cat", ["precision", "recall", "images"]].tolist() == [0.5, 0.5, 2]
    assert table.loc["dog", ["precision", "recall", "images"]].tolist() == [0.5, 1.0, 1]
    assert table.loc["owl", ["precision", "recall", "F1", "images"]].tolist() == [0, 0, 0, 1]
    assert table.loc["dog", "F1"] == pytest.approx(2 / 3)


def test_scores_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    p = Predictions(rng.integers(0, 3, 60), rng.dirichlet(np.ones(4), 60), ("",) * 60, np.arange(60))
    expected = precision_recall_fscore_support(p.labels, p.predicted, labels=range(4), zero_division=0)
    made = per_class(p, ("a", "b", "c", "never"))
    np.testing.assert_allclose(made[["precision", "recall", "F1", "images"]].to_numpy().T, expected)
    np.testing.assert_array_equal(confusion(p, 4), confusion_matrix(p.labels, p.predicted, labels=range(4)))


def test_what_is_saved_comes_back(seen, nothing, tmp_path):
    kept = Evaluation(("Kätzchen", "dog", "owl"), {"train": seen, "validation": seen, "test": nothing})
    kept.save(tmp_path / "e.npz")
    back = Evaluation.load(tmp_path / "e.npz")
    assert back.class_names == kept.class_names
    assert list(back.splits) == ["train", "validation", "test"]
    for name, split in kept.splits.items():
        for field in ("labels", "probabilities", "rows"):
            np.testing.assert_array_equal(getattr(back.splits[name], field), getattr(split, field))
        assert back.splits[name].names == split.names


def test_reliability_compares_how_sure_with_how_right():
    sure = np.array([[0.55, 0.45], [0.55, 0.45], [0.95, 0.05], [0.95, 0.05], [1.0, 0.0]], np.float32)
    p = Predictions(np.array([0, 1, 0, 0, 0]), sure, ("",) * 5, np.arange(5))
    bins = reliability(p)
    assert bins.images.tolist() == [2, 3]
    assert bins.accuracy.tolist() == [0.5, 1.0]
    assert bins.confidence.tolist() == pytest.approx([0.55, (0.95 + 0.95 + 1) / 3])
    assert (bins.low < bins.accuracy).all() and (bins.high >= bins.accuracy).all()
    assert p.calibration_error == pytest.approx((2 * 0.05 + 3 * (0.1 / 3)) / 5)


def test_a_split_without_images_has_no_calibration(nothing):
    assert reliability(nothing).empty and np.isnan(nothing.calibration_error)
