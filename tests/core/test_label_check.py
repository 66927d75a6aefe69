"""Which training labels a linear model doubts that was fitted to all other images."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from core.label_check import RIDGE, doubted, leave_one_out


@pytest.fixture
def clusters() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), 20)
    return rng.normal(0, 1, (60, 30)) + 2 * np.repeat(np.eye(3), 10, 1)[labels], labels


def test_scores_are_those_of_fits_without_the_image(clusters):
    x, y = clusters
    x = (x - x.mean(0)) / (x.std(0) + 1e-6)
    targets = np.eye(3)[y] - 1 / 3
    for i in (0, 25, 59):
        others = np.arange(60) != i
        fit = Ridge(alpha=RIDGE * x.shape[1], fit_intercept=False).fit(x[others], targets[others])
        np.testing.assert_allclose(leave_one_out(clusters[0], y, 3)[i], fit.predict(x[i : i + 1])[0], atol=1e-9)


def test_planted_mistakes_are_found_with_the_class_they_look_like(clusters):
    x, y = clusters
    wrong, planted = y.copy(), np.arange(2, 60, 7)
    wrong[planted] = (y[planted] + 1) % 3
    found = doubted(x, wrong, 3)
    assert len(found["rows"]) >= len(planted) / 3 and set(found["rows"]) <= set(planted.tolist())
    assert found["answers"] == y[found["rows"]].tolist()


def test_right_labels_are_not_doubted(clusters):
    found = doubted(*clusters, 3)
    assert len(found["rows"]) <= 2 and found["accuracy"] > 0.9


def test_features_that_are_all_alike_give_an_answer():
    found = doubted(np.ones((12, 5)), np.arange(12) % 2, 2)
    assert found["rows"] == [] or found["accuracy"] <= 0.5
